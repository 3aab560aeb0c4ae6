import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import { indexKeysOf } from '../../../src/ids/lookup.ts';
import {
  createVectorRepository,
  type Db,
  documents,
  patchVectorIds,
  purgeOrphans,
} from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';
import { isDistributed, testUnlessDistributed } from '../../support/shapes.ts';

/** A page whose ids are runs of its own patch ids is not indexed: the ids name the page. */
const db = useTestDatabase();

const ids = (docId: number, page: number, count: number) => patchVectorIds({ docId, page, count });

type Case = [name: string, indexed: boolean, page: number, (docId: number) => string[]];

const patchesOfAnotherDocument: Case = [
  'the patches of another document',
  true,
  3,
  (docId) => ids(docId + 1_000, 3, 1030),
];

describe('locate and the purge find the ids of a page that has', () => {
  test.each<Case>([
    ['all its patches', false, 3, (docId) => ids(docId, 3, 1030)],
    ['all its patches except the first ones', true, 3, (docId) => ids(docId, 3, 1030).slice(4)],
    ['as many patches as one run can have', false, 3, (docId) => ids(docId, 3, 4096)],
    ['one patch more than one run can have', true, 3, (docId) => ids(docId, 3, 4097)],
    ['as many patches as the largest models make', false, 3, (docId) => ids(docId, 3, 16_384)],
    ['so few patches that they form a decimal run', true, 3, (docId) => ids(docId, 3, 10)],
    ['one patch', true, 3, (docId) => ids(docId, 3, 1)],
    ['its patches and another id', true, 3, (docId) => [...ids(docId, 3, 1030), `${docId}-x`]],
    ['the patches of another page', true, 3, (docId) => ids(docId, 4, 1030)],
    // A distributed ledger rejects them.
    ...(isDistributed ? [] : [patchesOfAnotherDocument]),
    [
      'its patches without dashes',
      true,
      3,
      (docId) => ids(docId, 3, 1030).map((id) => id.replaceAll('-', '')),
    ],
    ['a page number above 2^28', false, 2 ** 28 + 5, (docId) => ids(docId, 2 ** 28 + 5, 1030)],
    ['the highest page number', false, 2 ** 31 - 1, (docId) => ids(docId, 2 ** 31 - 1, 1030)],
  ])('%s', async (_, indexed, page, idsOf) => {
    const docId = await createDocument(db());
    await expectFound({ docId, page, vectorIds: idsOf(docId) }, indexed);
  });

  test('the highest document id', async () => {
    const docId = 2 ** 31 - 1;
    await db().insert(documents).values({ id: docId });
    await expectFound({ docId, page: 3, vectorIds: ids(docId, 3, 1030) }, false);
  });
});

test('the purge deletes the patch ids of a page that is recorded again without vectors', async () => {
  const docId = await createDocument(db());
  const repository = createVectorRepository(db());
  await repository.upsertPage({ docId, page: 3, vectorIds: ids(docId, 3, 1030) });
  await repository.upsertPage({ docId, page: 3, vectorIds: [] });
  expect(await purgeOrphans(db(), async () => {})).toMatchObject({ deleted: 1030, spared: 0 });
  expect(await repository.locate(ids(docId, 3, 2))).toEqual([undefined, undefined]);
});

/** Expects `locate` to find the page's ids and the purge to spare them, with or without the index. */
async function expectFound(
  page: { docId: number; page: number; vectorIds: string[] },
  indexed: boolean,
): Promise<void> {
  const repository = createVectorRepository(db());
  await repository.upsertPage(page);

  const { keys } = indexKeysOf(page.vectorIds);
  const holding = await db().execute(sql`
    select distinct doc_id as "docId", page from vectors_holding(${JSON.stringify(keys)}::text::jsonb)`);
  expect(rowsOf(holding)).toEqual(indexed ? [{ docId: page.docId, page: page.page }] : []);

  const [first, last] = [page.vectorIds[0], page.vectorIds.at(-1)] as [string, string];
  const at = (vectorId: string, patch: number) => ({
    vectorId,
    docId: page.docId,
    page: page.page,
    patch,
  });
  expect(await repository.locate([first, last])).toEqual([
    at(first, 0),
    at(last, page.vectorIds.length - 1),
  ]);

  await db().execute(sql`
    insert into vector_orphans (doc_id, page, vector_ids, vector_count)
    select doc_id, page, vector_ids, ${page.vectorIds.length} from vectors where doc_id = ${page.docId}`);
  const deleted: string[] = [];
  const purged = await purgeOrphans(db(), async (dead) => deleted.push(...dead), {
    batchIds: 10_000,
  });
  expect(deleted).toEqual([]);
  expect(purged.spared).toBe(page.vectorIds.length);
}

// On Citus, the scans are on the shards: test/citus/plans.test.ts looks at their plans.
testUnlessDistributed(
  'vectors_holding uses the index even if its plan was made when there were few pages',
  async () => {
    const docId = await createDocument(db());
    await createVectorRepository(db()).upsertPage({ docId, page: 1, vectorIds: [`${docId}-a`] });
    // PostgreSQL may switch to a generic plan at the sixth call.
    const calls = 7;
    const scans = await db().transaction(async (tx) => {
      await tx.execute(sql`analyze vectors`);
      await tx.execute(sql`discard plans`);
      const before = await countScans(tx, docId);
      for (let call = 0; call < calls; call += 1) {
        await tx.execute(
          sql`select vectors_holding(${JSON.stringify([`${docId}-a`, 'b'])}::text::jsonb)`,
        );
      }
      return (await countScans(tx, docId)) - before;
    });
    expect(scans).toBe(2 * calls);
  },
);

/** How often this transaction has scanned the index on ids, in the partition of the document if there are any. */
async function countScans(tx: Db, docId: number): Promise<number> {
  const [scans] = rowsOf<{ count: number }>(
    await tx.execute(sql`
      select pg_stat_get_xact_numscans(indexrelid)::integer as count from pg_index
      where indrelid = (select tableoid from vectors where doc_id = ${docId})
        and pg_get_indexdef(indexrelid) like '%vector_ids%'`),
  );
  return scans?.count ?? 0;
}
