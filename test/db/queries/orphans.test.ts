import { eq, inArray, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  documents,
  patchVectorIds,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import {
  createDocument,
  inRolledBackTransaction,
  useTestDatabase,
} from '../../support/database.ts';
import { testUnlessDistributed } from '../../support/shapes.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());

/** Creates a document with two pages, and a neighbour with the same pages that must not change. */
async function twoDocuments() {
  const [docId, neighbour] = [await createDocument(db()), await createDocument(db())];
  await repository().upsertPages(
    [docId, neighbour].flatMap((id) => [
      { docId: id, page: 1, vectorIds: [`${id}/1/a`, `${id}/1/b`] },
      { docId: id, page: 2, vectorIds: patchVectorIds({ docId: id, page: 2, count: 1030 }) },
    ]),
  );
  return { docId, neighbour };
}

/** The orphans of these documents as [page, ids], oldest first. */
async function orphansOf(...docIds: number[]) {
  const rows = await db()
    .select()
    .from(vectorOrphans)
    .where(inArray(vectorOrphans.docId, docIds))
    .orderBy(vectorOrphans.id);
  return rows.map(({ page, vectorIds }) => [page, vectorIds]);
}

const page1 = (docId: number) => [1, [`${docId}/1/a`, `${docId}/1/b`]];
const page2 = (docId: number) => [2, patchVectorIds({ docId, page: 2, count: 1030 })];

describe('the ids of a page are queued if', () => {
  test('its document is deleted', async () => {
    const { docId, neighbour } = await twoDocuments();
    await db().delete(documents).where(eq(documents.id, docId));
    expect(await orphansOf(docId, neighbour)).toEqual([page1(docId), page2(docId)]);
    expect(await repository().countPages(neighbour)).toBe(2);
  });

  test('the page is deleted', async () => {
    const { docId, neighbour } = await twoDocuments();
    await repository().deleteByPage(docId, 1);
    expect(await orphansOf(docId, neighbour)).toEqual([page1(docId)]);
  });

  test('plain SQL deletes the page', async () => {
    const { docId, neighbour } = await twoDocuments();
    await db().execute(sql`delete from vectors where doc_id = ${docId} and page = 2`);
    expect(await orphansOf(docId, neighbour)).toEqual([page2(docId)]);
  });

  test('the document is replaced', async () => {
    const { docId } = await twoDocuments();
    await repository().replaceDocument(docId, [{ page: 1, vectorIds: ['new'] }]);
    expect(await orphansOf(docId)).toEqual(expect.arrayContaining([page1(docId), page2(docId)]));
  });

  test('the page is recorded with other ids', async () => {
    const { docId, neighbour } = await twoDocuments();
    await repository().upsertPage({ docId, page: 1, vectorIds: ['new'] });
    expect(await orphansOf(docId, neighbour)).toEqual([page1(docId)]);
  });

  test('plain SQL updates its ids', async () => {
    const { docId } = await twoDocuments();
    await db().update(vectors).set({ vectorIds: [] }).where(eq(vectors.docId, docId));
    expect(await orphansOf(docId)).toEqual([page1(docId), page2(docId)]);
  });

  testUnlessDistributed('the table is truncated', async () => {
    const { docId } = await twoDocuments();
    // Rolled back to keep the rows of the other tests.
    await inRolledBackTransaction(db(), async (tx) => {
      await tx.execute(sql`truncate documents cascade`);
      const rows = await tx.select().from(vectorOrphans).where(eq(vectorOrphans.docId, docId));
      expect(rows).toHaveLength(2);
    });
  });
});

describe('nothing is queued if', () => {
  test('a page is recorded again with the same ids', async () => {
    const { docId } = await twoDocuments();
    const vectorIds = patchVectorIds({ docId, page: 2, count: 1030 });
    const page = { docId, page: 2, vectorIds };
    await repository().markIndexed([await repository().upsertPage(page, { pending: true })]);
    expect(await orphansOf(docId)).toEqual([]);
  });

  test('a page gets another number and keeps its ids', async () => {
    const { docId } = await twoDocuments();
    await db().execute(sql`update vectors set page = page + 10 where doc_id = ${docId}`);
    expect(await orphansOf(docId)).toEqual([]);
  });

  test('a page without vectors is deleted', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [] });
    await repository().deleteByDocument(docId);
    expect(await orphansOf(docId)).toEqual([]);
  });

  test('the transaction is rolled back', async () => {
    const { docId } = await twoDocuments();
    await inRolledBackTransaction(db(), (tx) =>
      tx.delete(documents).where(eq(documents.id, docId)),
    );
    expect(await orphansOf(docId)).toEqual([]);
  });
});
