import { beforeEach, describe, expect, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../../src/index.ts';
import { emptyLedger, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { randomVectorIds } from '../../support/random-ids.ts';

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

  test('queueUntracked, the next purge deletes the untracked ids', async () => {
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
