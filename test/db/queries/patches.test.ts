import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import { createVectorRepository, patchVectorIds } from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';

/** Pages that are given by their number of patches. */
const db = useTestDatabase();
const repository = () => createVectorRepository(db());

test.each([0, 1, 2, 3, 10, 11, 1030, 4097])(
  '%i patches are recorded as the ids of patchVectorIds',
  async (patches) => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 3, patches });
    await repository().upsertPages([
      { docId, page: 4, vectorIds: ['neighbour'] },
      { docId, page: 5, vectorIds: patchVectorIds({ docId, page: 5, count: patches }) },
    ]);

    const page = await repository().findByPage(docId, 3);
    expect(page?.vectorIds).toEqual(patchVectorIds({ docId, page: 3, count: patches }));
    expect((await repository().findByPage(docId, 4))?.vectorIds).toEqual(['neighbour']);

    // The list is stored in the same way, so recording it as a number of patches changes nothing.
    const before = await repository().findByPage(docId, 5);
    await repository().upsertPage({ docId, page: 5, patches });
    expect(await repository().findByPage(docId, 5)).toEqual(before);
  },
);

test('every call that records pages accepts a number of patches', async () => {
  const docId = await createDocument(db());
  const idsOf = (page: number, count: number) => patchVectorIds({ docId, page, count });
  const recorded = async () =>
    (await repository().findByDocument(docId)).map(({ page, vectorIds }) => [page, vectorIds]);

  await repository().upsertPages([
    { docId, page: 2, patches: 5 },
    { docId, page: 1, patches: 4 },
  ]);
  await repository().upsertPages([{ docId, page: 3, patches: 6 }].values());
  expect(await recorded()).toEqual([
    [1, idsOf(1, 4)],
    [2, idsOf(2, 5)],
    [3, idsOf(3, 6)],
  ]);

  await repository().replaceDocument(docId, [{ page: 1, patches: 7 }]);
  expect(await recorded()).toEqual([[1, idsOf(1, 7)]]);

  const written: string[] = [];
  await repository().ingest([{ docId, page: 2, patches: 1030 }], async (pages) => {
    for (const { vectorIds } of pages) written.push(...vectorIds);
  });
  expect(written).toEqual(idsOf(2, 1030));
  expect(await repository().findPending({ docId })).toEqual([]);
});

describe('the recordings of pending pages', () => {
  test('have the ids, also as JSON', async () => {
    const docId = await createDocument(db());
    const recorded = await repository().upsertPages([{ docId, page: 3, patches: 20 }], {
      pending: true,
    });
    const vectorIds = patchVectorIds({ docId, page: 3, count: 20 });
    expect(recorded).toMatchObject([{ docId, page: 3, vectorIds, revision: expect.any(Number) }]);
    const parsed = JSON.parse(JSON.stringify(recorded));
    expect(parsed).toMatchObject([{ docId, page: 3, vectorIds, revision: expect.any(Number) }]);
    expect(await repository().markIndexed(parsed)).toBe(1);
  });

  test('read the ids only once', async () => {
    const docId = await createDocument(db());
    const recorded = await repository().upsertPage(
      { docId, page: 3, patches: 20 },
      { pending: true },
    );
    expect(recorded.vectorIds).toBe(recorded.vectorIds);
  });

  test('queue the ids if the page was deleted', async () => {
    const docId = await createDocument(db());
    const page = { docId, page: 3, patches: 20 };
    const recorded = await repository().upsertPage(page, { pending: true });
    await repository().deleteByPage(docId, 3);
    await db().execute(sql`delete from vector_orphans`);
    expect(await repository().markIndexed([recorded])).toBe(0);
    const queued = await db().execute(
      sql`select vector_count as count from vector_orphans where doc_id = ${docId}`,
    );
    expect(rowsOf(queued)).toEqual([{ count: 20 }]);
  });
});

describe('a page as large as the largest models make', () => {
  test.each([8580, 16_384])(
    'of %i patches takes less than 600 bytes and is located without the index',
    async (patches) => {
      const docId = await createDocument(db());
      await repository().upsertPage({ docId, page: 3, patches });

      const [row] = rowsOf<{ bytes: number; indexed: boolean }>(
        await db().execute(sql`
        select pg_column_size(vectors.*) as bytes,
          not vectors_has_own_ids(doc_id, page, vector_ids) as indexed
        from vectors where doc_id = ${docId}`),
      );
      expect(row?.bytes).toBeLessThan(600);
      expect(row?.indexed).toBe(false);

      const ids = patchVectorIds({ docId, page: 3, count: patches });
      const found = await repository().locate([ids[0], ids[4096], ids.at(-1)] as string[]);
      expect(found.map((location) => location?.patch)).toEqual([0, 4096, patches - 1]);
    },
  );
});
