import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  IngestError,
  InvalidInputError,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());
let store: MemoryStore;

beforeEach(async () => {
  await emptyLedger(db());
  store = new MemoryStore();
});

describe('marking a page', () => {
  test('does not mark a page that was deleted and recorded again with the same ids', async () => {
    const docId = await createDocument(db());
    const page = { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 5 }) };
    const byA = await repository().upsertPages([page], { pending: true });
    store.write(page.vectorIds);
    await repository().deleteByPage(docId, 1);
    await purgeOrphans(db(), store.deleteVectors);
    await repository().upsertPages([page], { pending: true }); // B, which then dies

    expect(await repository().markIndexed(byA)).toBe(0);
    expect(await repository().findPending({ docId })).toHaveLength(1);
    expect(store.ids.size).toBe(0);
  });

  test('does not mark a page that was recorded again after its row id was reset', async () => {
    const docId = await createDocument(db());
    const page = { docId, page: 1, vectorIds: ['a'] };
    const reset = () => db().execute(sql`truncate vectors restart identity`);
    await reset();
    const byA = await repository().upsertPage(page, { pending: true });
    await reset();
    const byB = await repository().upsertPage(page, { pending: true });

    expect(byB.id).toBe(byA.id);
    expect(await repository().markIndexed([byA])).toBe(0);
    expect(await repository().findPending({ docId })).toHaveLength(1);
  });

  test('marks the recording that upsertPage returned, and not one of the same moment', async () => {
    const docId = await createDocument(db());
    const record = (id: string) =>
      repository().upsertPage({ docId, page: 1, vectorIds: [id] }, { pending: true });
    const recordings = await Promise.all(['a', 'b', 'c'].map(record));
    const page = await repository().findByPage(docId, 1);

    for (const recording of recordings) {
      const isLast = recording.vectorIds[0] === page?.vectorIds[0];
      expect(await repository().markIndexed([recording])).toBe(isLast ? 1 : 0);
    }
  });

  test('queues the ids of a deleted page under the namespace of the page', async () => {
    const docId = await createDocument(db());
    const page = { docId, page: 1, vectorIds: ['a'], namespace: 'tenant' };
    const recorded = await repository().upsertPage(page, { pending: true });
    await repository().deleteByPage(docId, 1);
    await repository().markIndexed([recorded]);
    const queued = await db().select().from(vectorOrphans);
    expect(queued).toMatchObject([
      { docId, page: 1, vectorIds: ['a'], namespace: 'tenant' },
      { docId, page: 1, vectorIds: ['a'], namespace: 'tenant' },
    ]);
  });

  test('does not mark a page whose ids were changed in SQL', async () => {
    const docId = await createDocument(db());
    const [recorded] = await repository().upsertPages([{ docId, page: 1, vectorIds: ['a'] }], {
      pending: true,
    });
    await db().execute(sql`update vectors set vector_ids = '["b"]' where doc_id = ${docId}`);
    await db().execute(sql`update vectors set vector_ids = '["a"]' where doc_id = ${docId}`);
    expect(recorded).toMatchObject({ docId, page: 1, vectorIds: ['a'] });
    expect(await repository().markIndexed([recorded as NonNullable<typeof recorded>])).toBe(0);
  });

  test('marks a page that was recorded again unchanged', async () => {
    const docId = await createDocument(db());
    const page = { docId, page: 1, vectorIds: ['a'] };
    const recorded = await repository().upsertPage(page, { pending: true });
    await repository().upsertPage(page, { pending: true });
    expect(await repository().markIndexed([recorded])).toBe(1);
  });

  test('marks what findPending returned', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: ['a'] }, { pending: true });
    expect(await repository().markIndexed(await repository().findPending({ docId }))).toBe(1);
  });

  test.each([
    ['without a revision', { id: 1 }, ['pages', 0, 'revision']],
    ['without an id', { revision: 1 }, ['pages', 0, 'id']],
    ['without vector ids', { id: 1, revision: 1, vectorIds: undefined }, ['pages', 0, 'vectorIds']],
  ])('rejects a page %s', async (_, fields, path) => {
    const page = { docId: 1, page: 1, vectorIds: ['a'], ...fields };
    const error = await thrownBy(repository().markIndexed([page as never]));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ path });
  });
});

describe('a pending page', () => {
  test('keeps its old vectors until the new ones are marked', async () => {
    const docId = await ingestDocument(db(), store, [['old-1', 'old-2']]);
    const recorded = await repository().upsertPages(
      [{ docId, page: 1, vectorIds: ['new-1', 'new-2'] }],
      { pending: true },
    );
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 0,
      remaining: 1,
    });
    expect([...store.ids]).toEqual(['old-1', 'old-2']);

    store.write(['new-1', 'new-2']);
    await repository().markIndexed(recorded);
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 2,
      remaining: 0,
    });
    expect([...store.ids]).toEqual(['new-1', 'new-2']);
  });

  test('does not keep the ids of a deleted page', async () => {
    const docId = await ingestDocument(db(), store, [['old']]);
    await repository().upsertPages([{ docId, page: 1, vectorIds: ['new'] }], { pending: true });
    await repository().deleteByPage(docId, 1);
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 2,
      remaining: 0,
    });
  });

  test('does not slow down the purge of the rows behind it in the queue', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: ['x'] }, { pending: true });
    await db().execute(sql`
      insert into vector_orphans (doc_id, page, vector_ids, vector_count, due_at)
      select ${docId}::int, 1, jsonb_build_array('front-' || n), 1, now() - interval '1 day'
      from generate_series(1, 2500) as n`);
    const other = await ingestDocument(db(), store, [['behind']]);
    await repository().deleteByDocument(other);
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 1,
      remaining: 2500,
    });
  });

  test('is found by its age', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: ['old'] }, { pending: true });
    await repository().upsertPage({ docId, page: 2, vectorIds: ['young'] }, { pending: true });
    await db().execute(sql`
      update vectors set recorded_at = now() - interval '1 hour' where doc_id = ${docId} and page = 1`);
    const pages = await repository().findPending({ docId, olderThanMs: 60_000 });
    expect(pages.map(({ page }) => page)).toEqual([1]);
  });
});

describe('ingest', () => {
  const pagesOf = (docId: number, count: number) =>
    Array.from({ length: count }, (_, index) => ({
      docId,
      page: index + 1,
      vectorIds: patchVectorIds({ docId, page: index + 1, count: 3 }),
    }));
  const writeTo =
    (target: MemoryStore) => async (pages: readonly { vectorIds: readonly string[] }[]) => {
      for (const { vectorIds } of pages) target.write(vectorIds);
    };

  test('records, writes and marks pages in chunks', async () => {
    const docId = await createDocument(db());
    const progress: number[] = [];
    const sizes: number[] = [];
    const indexed = await repository().ingest(
      pagesOf(docId, 5),
      async (pages) => {
        sizes.push(pages.length);
        // Recorded first: another connection would already find them as pending.
        expect((await repository().findPending({ docId })).length).toBe(pages.length);
        await writeTo(store)(pages);
      },
      { chunkPages: 2, onProgress: (pages) => progress.push(pages) },
    );
    expect({ indexed, sizes, progress }).toEqual({
      indexed: 5,
      sizes: [2, 2, 1],
      progress: [2, 4, 5],
    });
    expect(await repository().findPending({ docId })).toEqual([]);
    expect(store.ids.size).toBe(15);
  });

  test('leaves the pages of a failed chunk pending, names them, and keeps the chunks before', async () => {
    const docId = await createDocument(db());
    const failure = new Error('the store is down');
    let calls = 0;
    const error = await thrownBy(
      repository().ingest(
        pagesOf(docId, 6),
        async (pages) => {
          calls += 1;
          if (calls === 2) throw failure;
          await writeTo(store)(pages);
        },
        { chunkPages: 2 },
      ),
    );
    expect(error).toBeInstanceOf(IngestError);
    expect(error).toMatchObject({
      code: 'INGEST_FAILED',
      cause: failure,
      pages: [
        { docId, page: 3 },
        { docId, page: 4 },
      ],
    });
    expect((error as Error).message).toContain(`page 3 of document ${docId}`);
    expect((await repository().findPending({ docId })).map(({ page }) => page)).toEqual([3, 4]);

    // The next ingest continues from there.
    expect(
      await repository().ingest(await repository().findPending({ docId }), writeTo(store)),
    ).toBe(2);
    expect(await repository().findPending({ docId })).toEqual([]);
  });

  test('queues what a failed call wrote for a page that was deleted and purged', async () => {
    const docId = await createDocument(db());
    const failed = repository().ingest(pagesOf(docId, 2), async ([first]) => {
      await repository().deleteByPage(docId, 1);
      await purgeOrphans(db(), store.deleteVectors);
      store.write(first?.vectorIds.slice(0, 3) ?? []);
      throw new Error('the store is down');
    });
    await expect(failed).rejects.toBeInstanceOf(IngestError);
    expect(store.ids.size).toBe(3);
    await purgeOrphans(db(), store.deleteVectors);
    expect(store.ids.size).toBe(0);
    expect(await repository().findPending({ docId })).toMatchObject([{ page: 2 }]);
  });

  test('stops at the signal', async () => {
    const docId = await createDocument(db());
    const abort = new AbortController();
    const reason = new Error('shutting down');
    const error = await thrownBy(
      repository().ingest(
        pagesOf(docId, 4),
        async (pages, { signal }) => {
          await writeTo(store)(pages);
          expect(signal.aborted).toBe(false);
          abort.abort(reason);
        },
        { chunkPages: 2, signal: abort.signal },
      ),
    );
    expect(error).toBe(reason);
    expect(await repository().countPages(docId)).toBe(2);
    expect(await repository().findPending({ docId })).toEqual([]);
  });

  test('accepts a stream', async () => {
    const docId = await createDocument(db());
    async function* stream() {
      yield* pagesOf(docId, 3);
    }
    expect(await repository().ingest(stream(), writeTo(store))).toBe(3);
  });

  test('refuses a transaction', async () => {
    const docId = await createDocument(db());
    const work = db().transaction((tx) =>
      createVectorRepository(tx).ingest(pagesOf(docId, 1), writeTo(store)),
    );
    await expect(work).rejects.toThrow(InvalidInputError);
  });
});
