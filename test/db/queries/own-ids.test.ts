import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import {
  createVectorRepository,
  type Db,
  documents,
  encodeVectorIds,
  patchVectorIds,
  purgeOrphans,
} from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';

/** A page that is one run of the ids computed for it is in no index: its ids name it. */
const db = useTestDatabase();

const ids = (docId: number, page: number, count: number) => patchVectorIds({ docId, page, count });

type Case = [name: string, indexed: boolean, page: number, (docId: number) => string[]];

describe('locate and purge know a page that has', () => {
  test.each<Case>([
    ['all its patches', false, 3, (docId) => ids(docId, 3, 1030)],
    ['its patches but the first ones', false, 3, (docId) => ids(docId, 3, 1030).slice(4)],
    ['as many patches as a run takes', false, 3, (docId) => ids(docId, 3, 4096)],
    ['more patches than a run takes', true, 3, (docId) => ids(docId, 3, 4097)],
    ['patches that are a run of decimals too', true, 3, (docId) => ids(docId, 3, 10)],
    ['one patch', true, 3, (docId) => ids(docId, 3, 1)],
    ['its patches and another id', true, 3, (docId) => [...ids(docId, 3, 1030), `${docId}-x`]],
    ['the patches of another page', true, 3, (docId) => ids(docId, 4, 1030)],
    ['the patches of another document', true, 3, (docId) => ids(docId + 1, 3, 1030)],
    [
      'its patches, written without dashes',
      true,
      3,
      (docId) => ids(docId, 3, 1030).map((id) => id.replaceAll('-', '')),
    ],
    ['a number above 2^28', false, 2 ** 28 + 5, (docId) => ids(docId, 2 ** 28 + 5, 1030)],
    ['the last number', false, 2 ** 31 - 1, (docId) => ids(docId, 2 ** 31 - 1, 1030)],
  ])('%s', async (_, indexed, page, idsOf) => {
    const docId = await createDocument(db());
    await expectKnown({ docId, page, vectorIds: idsOf(docId) }, indexed);
  });

  test('the last document', async () => {
    const docId = 2 ** 31 - 1;
    await db().insert(documents).values({ id: docId });
    await expectKnown({ docId, page: 3, vectorIds: ids(docId, 3, 1030) }, false);
  });
});

test('the ids of a page that is left without vectors are dead', async () => {
  const docId = await createDocument(db());
  const ledger = createVectorRepository(db());
  await ledger.upsertPage({ docId, page: 3, vectorIds: ids(docId, 3, 1030) });
  await ledger.upsertPage({ docId, page: 3, vectorIds: [] });
  expect(await purgeOrphans(db(), async () => {})).toMatchObject({ deleted: 1030, spared: 0 });
  expect(await ledger.locate(ids(docId, 3, 2))).toEqual([undefined, undefined]);
});

async function expectKnown(
  page: { docId: number; page: number; vectorIds: string[] },
  indexed: boolean,
): Promise<void> {
  const ledger = createVectorRepository(db());
  await ledger.upsertPage(page);

  const elements = encodeVectorIds(page.vectorIds).map((element) =>
    typeof element === 'string' ? element : { prefix: element.prefix },
  );
  const holding = await db().execute(sql`
    select distinct doc_id as "docId", page from vectors_holding(${JSON.stringify(elements)}::text::jsonb)`);
  expect(rowsOf(holding)).toEqual(indexed ? [{ docId: page.docId, page: page.page }] : []);

  const [first, last] = [page.vectorIds[0], page.vectorIds.at(-1)] as [string, string];
  const at = (vectorId: string, patch: number) => ({
    vectorId,
    docId: page.docId,
    page: page.page,
    patch,
  });
  expect(await ledger.locate([first, last])).toEqual([
    at(first, 0),
    at(last, page.vectorIds.length - 1),
  ]);

  await db().execute(sql`
    insert into vector_orphans (doc_id, page, vector_ids)
    select doc_id, page, vector_ids from vectors where doc_id = ${page.docId}`);
  const deleted: string[] = [];
  const purged = await purgeOrphans(db(), async (dead) => deleted.push(...dead));
  expect(deleted).toEqual([]);
  expect(purged.spared).toBe(page.vectorIds.length);
}

test('the function looks into the index, also where it was first called with few pages', async () => {
  const docId = await createDocument(db());
  await createVectorRepository(db()).upsertPage({ docId, page: 1, vectorIds: [`${docId}-a`] });
  const calls = 7; // PostgreSQL keeps a plan at the sixth.
  const scans = await db().transaction(async (tx) => {
    await tx.execute(sql`analyze vectors`);
    await tx.execute(sql`discard plans`);
    const before = await countScans(tx);
    for (let call = 0; call < calls; call += 1) {
      await tx.execute(
        sql`select vectors_holding(${JSON.stringify([`${docId}-a`, 'b'])}::text::jsonb)`,
      );
    }
    return (await countScans(tx)) - before;
  });
  expect(scans).toBe(2 * calls);
});

/** How often this session has looked into the index, since its counts were last collected. */
async function countScans(tx: Db): Promise<number> {
  const [scans] = rowsOf<{ count: number }>(
    await tx.execute(
      sql`select pg_stat_get_xact_numscans('ix_vectors_vector_ids'::regclass)::integer as count`,
    ),
  );
  return scans?.count ?? 0;
}
