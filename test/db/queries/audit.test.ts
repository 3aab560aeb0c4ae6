import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  AuditError,
  auditVectors,
  createVectorRepository,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { randomVectorIds } from '../../support/random-ids.ts';
import { testUnlessDistributed } from '../../support/shapes.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());
let store: MemoryStore;

beforeEach(async () => {
  store = new MemoryStore();
  // An audit compares everything, so each test starts with an empty ledger.
  await emptyLedger(db());
});

const ingest = (...pages: string[][]) => ingestDocument(db(), store, pages);

describe('auditVectors', () => {
  test('reports nothing if ledger and store agree', async () => {
    await ingest(randomVectorIds(1030), ['one point'], []);
    const docId = await ingest([]);
    const ids = patchVectorIds({ docId, page: 2, count: 3000 });
    await repository().upsertPage({ docId, page: 2, vectorIds: ids });
    store.write(ids);
    expect(await auditVectors(db(), store)).toEqual({
      pages: 5,
      vectors: 4031,
      stored: 4031,
      missing: { vectors: 0, pages: 0, sample: [] },
      untracked: { vectors: 0, sample: [], queued: 0 },
      shared: { vectors: 0, sample: [] },
    });
  });

  test('reports missing vectors with their document, page and patch', async () => {
    const docId = await ingest(['a', 'b'], ['c', 'd', 'e'], ['f']);
    for (const id of ['c', 'e', 'f']) store.ids.delete(id);
    const { missing, untracked } = await auditVectors(db(), store, { sampleSize: 2 });
    expect(missing).toEqual({
      vectors: 3,
      pages: 2,
      sample: [
        { vectorId: 'c', docId, page: 2, patch: 0 },
        { vectorId: 'e', docId, page: 2, patch: 2 },
      ],
    });
    expect(untracked.vectors).toBe(0);
  });

  test('reports untracked vectors', async () => {
    await ingest(['a'], ['r1', 'r2', 'r3']);
    store.write(['stray', 'r4', 'r0']);
    const { missing, untracked } = await auditVectors(db(), store, { sampleSize: 2, batchIds: 2 });
    expect(untracked).toEqual({ vectors: 3, sample: ['stray', 'r4'], queued: 0 });
    expect(missing.vectors).toBe(0);
  });

  test('reports neither vectors of pending pages as missing nor orphans as untracked', async () => {
    const docId = await ingest(
      ['a', 'b'],
      randomVectorIds(50),
      Array.from({ length: 9 }, (_, i) => `r${i}`),
    );
    await repository().upsertPages([{ docId, page: 4, vectorIds: ['soon'] }], { pending: true });
    await repository().deleteByPage(docId, 2);
    await repository().deleteByPage(docId, 3);
    const report = await auditVectors(db(), store);
    expect(report).toMatchObject({
      pages: 1,
      stored: 61,
      missing: { vectors: 0 },
      untracked: { vectors: 0 },
    });
  });

  test('matches ids that the store spells differently', async () => {
    const [plain, dashed] = [
      '8c4a1f0e00004000800000000000aaaa',
      '8C4A1F0E-0000-4000-8000-00000000AAAA',
    ];
    await ingest([plain], ['7']);
    store.ids.clear();
    const qdrant = {
      async *listIds() {
        yield [dashed.toLowerCase(), 7];
      },
      existing: async (ids: string[]) => ids.map((id) => (id === '7' ? 7n : dashed)),
    };
    expect(await auditVectors(db(), qdrant)).toMatchObject({
      stored: 2,
      missing: { vectors: 0 },
      untracked: { vectors: 0 },
    });
  });
});

describe('an audit does not report', () => {
  test('a page that is recorded again while the store answers', async () => {
    const docId = await ingest(['a'], ['b']);
    const slow = {
      listIds: () => store.listIds(),
      existing: async (ids: string[]) => {
        await repository().upsertPage({ docId, page: 1, vectorIds: ['new'] });
        store.ids.delete('a');
        store.write(['new']);
        return store.existing(ids);
      },
    };
    expect(await auditVectors(db(), slow)).toMatchObject({ missing: { vectors: 0 } });
  });

  test('an id that is purged after the store listed it', async () => {
    const docId = await ingest(['a', 'b']);
    const slow = {
      async *listIds() {
        const listed = [...store.ids];
        await repository().deleteByDocument(docId);
        await purgeOrphans(db(), store.deleteVectors);
        yield listed;
      },
      existing: (ids: string[]) => store.existing(ids),
    };
    expect(await auditVectors(db(), slow)).toMatchObject({ untracked: { vectors: 0 } });
  });
});

describe('after an audit with', () => {
  test('markMissingPending, pages with missing vectors are pending until they are written again', async () => {
    const docId = await ingest(['a', 'b'], ['c']);
    store.ids.delete('b');
    await auditVectors(db(), store, { markMissingPending: true });
    const pending = await repository().findPending();
    expect(pending.map(({ page }) => page)).toEqual([1]);

    for (const page of pending) store.write(page.vectorIds);
    await repository().markIndexed(pending);
    expect(await auditVectors(db(), store)).toMatchObject({ pages: 2, missing: { vectors: 0 } });
    expect(await repository().countPages(docId)).toBe(2);
  });

  testUnlessDistributed('queueUntracked, the next purge deletes the untracked ids', async () => {
    const docId = await ingest(['a']);
    const strays = [...randomVectorIds(20), ...patchVectorIds({ docId, page: 9, count: 1030 })];
    store.write(strays);
    const options = { queueUntracked: true, maxUntrackedShare: 1 };
    expect(await auditVectors(db(), store, options)).toMatchObject({
      untracked: { vectors: 1050, queued: 1050 },
    });
    const queued = await db().select().from(vectorOrphans).orderBy(vectorOrphans.docId);
    expect(queued.map(({ docId: id, page, vectorIds }) => [id, page, vectorIds.length])).toEqual([
      // One row per batch that the audit looked up.
      [docId, 9, 980],
      [docId, 9, 50],
      [null, null, 20],
    ]);
    // Queued ids are tracked, so a second audit does not queue them again.
    expect(await auditVectors(db(), store, options)).toMatchObject({
      untracked: { vectors: 0 },
    });
    await purgeOrphans(db(), store.deleteVectors);
    expect([...store.ids]).toEqual(['a']);
  });
});

test('auditVectors rejects with the error that the store threw', async () => {
  await ingest(['a']);
  const refused = Object.assign(new Error('down'), { code: 'ECONNREFUSED' });
  const failing = { listIds: () => store.listIds(), existing: () => Promise.reject(refused) };
  await expect(auditVectors(db(), failing)).rejects.toBe(refused);
});

test('auditVectors stops when its signal aborts', async () => {
  await ingest(['a']);
  await expect(auditVectors(db(), store, { signal: AbortSignal.abort() })).rejects.toMatchObject({
    name: 'AbortError',
  });
});

test('auditVectors reports its progress after each look-up', async () => {
  await ingest(['a', 'b'], ['c']);
  const steps: unknown[] = [];
  await auditVectors(db(), store, { batchIds: 2, onProgress: (progress) => steps.push(progress) });
  expect(steps).toEqual([
    { pages: 1, vectors: 2, stored: 0 },
    { pages: 2, vectors: 3, stored: 0 },
    { pages: 2, vectors: 3, stored: 2 },
    { pages: 2, vectors: 3, stored: 3 },
  ]);
});

describe('an audit', () => {
  testUnlessDistributed(
    'refuses to queue a large share of the store, and queues nothing',
    async () => {
      await ingestDocument(db(), store, [['known']]);
      store.write(Array.from({ length: 9 }, (_, index) => `other-collection-${index}`));
      const error = await thrownBy(auditVectors(db(), store, { queueUntracked: true }));
      expect(error).toBeInstanceOf(AuditError);
      expect(error).toMatchObject({ code: 'AUDIT_REFUSED', stored: 10, untracked: 9 });
      expect(await db().$count(vectorOrphans)).toBe(0);

      const report = await auditVectors(db(), store, {
        queueUntracked: true,
        maxUntrackedShare: 1,
      });
      expect(report.untracked).toMatchObject({ vectors: 9, queued: 9 });
      expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 9 });
      expect([...store.ids]).toEqual(['known']);
    },
  );

  test('reports ids that several pages have', async () => {
    const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index));
    const docId = await ingestDocument(db(), store, [numbers(10), numbers(10), ['own']]);
    const { shared } = await auditVectors(db(), store);
    expect(shared.vectors).toBe(10);
    expect(shared.sample[0]).toEqual({
      vectorId: '0',
      pages: [
        { docId, page: 1 },
        { docId, page: 2 },
      ],
    });
  });

  test('counts an id that is listed several times once', async () => {
    await ingestDocument(db(), store, [['twice']]);
    const { stored, untracked } = await auditVectors(db(), {
      async *listIds() {
        yield ['twice', 'twice', 'stray'];
        yield ['stray'];
        yield ['twice'];
      },
      existing: async (ids) => ids,
    });
    expect({ stored, untracked: untracked.vectors }).toEqual({ stored: 2, untracked: 1 });
  });

  test('works with batches and samples larger than a statement or an argument list can be', async () => {
    const ids = Array.from({ length: 3_000 }, (_, index) => `many-${index * 7}`);
    store.write(ids);
    const { untracked } = await auditVectors(db(), store, {
      batchIds: 200_000,
      sampleSize: 200_000,
    });
    expect(untracked.vectors).toBe(3_000);
    expect(untracked.sample).toHaveLength(3_000);
  });

  test('reads pages without vectors in batches, so its memory use stays flat', async () => {
    const docId = await createDocument(db());
    await db().execute(sql`
      insert into vectors (doc_id, page, vector_ids) select ${docId}::int, n, '[]' from generate_series(1, 2500) n`);
    const steps: number[] = [];
    await auditVectors(db(), store, { onProgress: ({ pages }) => steps.push(pages) });
    expect(steps).toEqual([1_000, 2_000, 2_500]);
  });

  testUnlessDistributed('does not report queued ids as untracked, in any spelling', async () => {
    const docId = await ingestDocument(db(), store, [
      ['queued', 'b1111111-2222-4333-8444-555555555555'],
      patchVectorIds({ docId: 77, page: 1, count: 4 }),
    ]);
    await repository().deleteByDocument(docId);
    store.ids.delete('b1111111-2222-4333-8444-555555555555');
    store.write(['B1111111222243338444555555555555']);
    expect((await auditVectors(db(), store)).untracked.vectors).toBe(0);
  });

  testUnlessDistributed(
    'queues strays without a document, and the purge passes them without a document',
    async () => {
      const place = { docId: 123_456, page: 7 };
      store.write(['stray', ...patchVectorIds({ ...place, count: 1 })]);
      await auditVectors(db(), store, { queueUntracked: true, maxUntrackedShare: 1 });
      const documentsCalled: (number | null)[] = [];
      await purgeOrphans(db(), async (ids, context) => {
        documentsCalled.push(context.docId);
        await store.deleteVectors(ids, context);
      });
      expect(documentsCalled).toEqual(expect.arrayContaining([null, place.docId]));
      expect(store.ids.size).toBe(0);
    },
  );
});
