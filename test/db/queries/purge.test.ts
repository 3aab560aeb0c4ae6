import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  documents,
  InvalidInputError,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, makeDue, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { randomVectorIds } from '../../support/random-ids.ts';

const db = useTestDatabase();
const repository = (on: Db = db()) => createVectorRepository(on);
let store: MemoryStore;

beforeEach(async () => {
  store = new MemoryStore();
  // A purge reads all orphans and all pages, so each test starts with an empty ledger.
  await emptyLedger(db());
});

const ingest = (...pages: string[][]) => ingestDocument(db(), store, pages);

/** The number of rows in the queue, of this document or of all. */
const queued = (docId?: number) =>
  db().$count(vectorOrphans, docId === undefined ? undefined : eq(vectorOrphans.docId, docId));

describe('purgeOrphans', () => {
  test('deletes the vectors of a deleted document and none of its neighbours', async () => {
    const [theirs, ours] = [randomVectorIds(40), [randomVectorIds(1030), randomVectorIds(7)]];
    await ingest(theirs);
    const docId = await ingest(...ours);
    await db().delete(documents).where(eq(documents.id, docId));

    const result = await purgeOrphans(db(), store.deleteVectors);
    expect(result).toEqual({ deleted: 1037, spared: 0, repaired: 0, remaining: 0 });
    expect(store.deleted.toSorted()).toEqual(ours.flat().toSorted());
    expect([...store.ids]).toEqual(theirs);
    expect(await queued()).toBe(0);
  });

  test('does not call deleteVectors if the queue is empty', async () => {
    const result = await purgeOrphans(db(), () => Promise.reject(new Error('not to be called')));
    expect(result).toEqual({ deleted: 0, spared: 0, repaired: 0, remaining: 0 });
  });

  test('deletes ids of one document per call, at most batchIds of them', async () => {
    for (let document = 0; document < 3; document += 1) {
      const docId = await ingest(...Array.from({ length: 5 }, () => randomVectorIds(30)));
      await repository().deleteByDocument(docId);
    }
    const calls: number[] = [];
    const steps: number[] = [];
    await purgeOrphans(
      db(),
      async (ids) => {
        calls.push(ids.length);
      },
      { batchIds: 70, onProgress: ({ deleted }) => steps.push(deleted) },
    );
    // Five pages with 30 ids each: two pages fit into a call.
    expect(calls).toEqual([60, 60, 30, 60, 60, 30, 60, 60, 30]);
    expect(steps).toEqual([60, 120, 150, 210, 270, 300, 360, 420, 450]);
  });

  test('stops at the limit and returns how many rows remain', async () => {
    const docId = await ingest(['a1', 'a2'], ['b1'], ['c1']);
    await repository().deleteByDocument(docId);
    const first = await purgeOrphans(db(), store.deleteVectors, { limit: 2 });
    expect(first).toEqual({ deleted: 3, spared: 0, repaired: 0, remaining: 1 });
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      deleted: 1,
      remaining: 0,
    });
  });

  test('lets deleteVectors delete vectors of the same database in its transaction', async () => {
    await db().execute(sql`create table if not exists patches (id text primary key)`);
    const docId = await ingest(['p1', 'p2'], ['p3']);
    await db().execute(sql`insert into patches values ('p1'), ('p2'), ('p3')`);
    await repository().deleteByPage(docId, 1);
    await purgeOrphans(db(), (ids, { tx }) =>
      tx.execute(sql`delete from patches where id = any (${sql.param(ids)}::text[])`),
    );
    expect(await db().$count(sql`patches`)).toBe(1);
  });

  test('rejects a transaction', async () => {
    await db().transaction(async (tx) => {
      await expect(purgeOrphans(tx, store.deleteVectors)).rejects.toThrow(InvalidInputError);
    });
  });
});

describe('the purge spares an id that is live again', () => {
  test('on the same page, recorded with fewer patches', async () => {
    const docId = await ingest([]);
    const ids = patchVectorIds({ docId, page: 1, count: 1030 });
    await repository().upsertPage({ docId, page: 1, vectorIds: ids });
    store.write(ids);
    await repository().upsertPage({ docId, page: 1, vectorIds: ids.slice(0, 500) });

    const result = await purgeOrphans(db(), store.deleteVectors);
    expect(result).toEqual({ deleted: 530, spared: 500, repaired: 0, remaining: 0 });
    expect([...store.ids]).toEqual(ids.slice(0, 500));
  });

  test.each<[string, string[], string[]]>([
    ['among other ids', ['x', 'y', 'z'], ['new', 'y']],
    ['in a run, where it was a single id', ['r7'], ['r5', 'r6', 'r7', 'r8']],
    ['as a single id, where it was in a run', ['r5', 'r6', 'r7', 'r8'], ['r7']],
    ['in a run that starts later', ['r5', 'r6', 'r7', 'r8'], ['r7', 'r8', 'r9', 'r10']],
    ['in a run with a longer tail', ['r98', 'r99', 'r100'], ['r100', 'r101', 'r102']],
    [
      'without the dashes',
      ['8c4a1f0e-0000-4000-8000-00000000aaaa'],
      ['8c4a1f0e00004000800000000000aaaa'],
    ],
    [
      'in upper case',
      ['8c4a1f0e-0000-4000-8000-00000000aaaa'],
      ['8C4A1F0E-0000-4000-8000-00000000AAAA'],
    ],
    [
      'in lower case',
      ['8C4A1F0E00004000800000000000AAAA'],
      ['8c4a1f0e-0000-4000-8000-00000000aaaa'],
    ],
    [
      'with the dashes',
      ['8c4a1f0e00004000800000000000aaaa'],
      ['8c4a1f0e-0000-4000-8000-00000000aaaa'],
    ],
  ])('%s', async (_, before, after) => {
    const docId = await ingest(before);
    store.write(after);
    await repository().upsertPage({ docId, page: 1, vectorIds: after });
    await purgeOrphans(db(), store.deleteVectors);
    const plain = (id: string) => id.replaceAll('-', '').toLowerCase();
    expect(store.deleted.map(plain)).toEqual(
      before.map(plain).filter((id) => !after.map(plain).includes(id)),
    );
    await repository().deleteByDocument(docId);
    await purgeOrphans(db(), store.deleteVectors);
    expect(store.deleted).toEqual(expect.arrayContaining(after));
  });

  test('on a page of another document', async () => {
    const docId = await ingest(['shared', 'own']);
    await ingest(['shared']);
    await db().delete(documents).where(eq(documents.id, docId));
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 1, spared: 1 });
    expect([...store.ids]).toEqual(['shared']);
  });

  test('on a page that was pending in between', async () => {
    const docId = await ingest(['a']);
    await repository().deleteByPage(docId, 1);
    const page = { docId, page: 1, vectorIds: ['a'] };
    const recorded = await repository().upsertPages([page], { pending: true });
    // The purge leaves the ids of a pending page in the queue.
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({
      spared: 0,
      remaining: 1,
    });
    await repository().markIndexed(recorded);
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 0, spared: 1 });
  });

  // The dangerous case: a retried ingest reuses ids that are queued for deletion.
  test('on a page that was deleted and ingested again before the purge', async () => {
    const docId = await ingest([]);
    const ids = patchVectorIds({ docId, page: 1, count: 1030 });
    await repository().upsertPage({ docId, page: 1, vectorIds: ids });
    await repository().deleteByPage(docId, 1);
    expect(await queued(docId)).toBe(1);

    const page = { docId, page: 1, vectorIds: ids };
    const recorded = await repository().upsertPages([page], { pending: true });
    store.write(ids);
    await repository().markIndexed(recorded);
    expect(await purgeOrphans(db(), store.deleteVectors)).toEqual({
      deleted: 0,
      spared: 1030,
      repaired: 0,
      remaining: 0,
    });
    expect([...store.ids]).toEqual(ids);
  });
});

describe('when deleteVectors', () => {
  async function queueThreePages() {
    const docId = await ingest(['a1', 'a2'], ['b1', 'b2'], ['c1', 'c2']);
    await repository().deleteByDocument(docId);
    return docId;
  }

  /** Expects the next purge to delete all that is left. */
  async function expectNextPurgeFinishes(docId: number): Promise<void> {
    await makeDue(db());
    const result = await purgeOrphans(db(), store.deleteVectors);
    expect(result).toMatchObject({ remaining: 0 });
    expect(await queued(docId)).toBe(0);
    expect([...store.ids]).toEqual([]);
  }

  test('throws, the rows stay queued and the purge rejects with a PurgeError that has the error as its cause', async () => {
    const docId = await queueThreePages();
    const refused = Object.assign(new Error('the store is down'), { code: 'ECONNREFUSED' });
    const purging = purgeOrphans(db(), () => Promise.reject(refused));
    await expect(purging).rejects.toMatchObject({
      name: 'PurgeError',
      documents: [docId],
      cause: refused,
    });
    expect(await queued(docId)).toBe(3);
    await expectNextPurgeFinishes(docId);
  });

  test('deletes half of the ids and then throws, the rows stay queued', async () => {
    const docId = await queueThreePages();
    const refused = new Error('half way');
    const half = purgeOrphans(db(), async (ids, context) => {
      await store.deleteVectors(ids.slice(0, 3), context);
      throw refused;
    });
    await expect(half).rejects.toMatchObject({ cause: refused });
    expect(await queued(docId)).toBe(3);
    await expectNextPurgeFinishes(docId);
  });

  test('throws for one document, the other documents are still purged', async () => {
    const refused = await ingest(['not-a-uuid']);
    const fine = await ingest(['x1'], ['x2']);
    for (const docId of [refused, fine]) await repository().deleteByDocument(docId);
    const badRequest = new Error('400: not-a-uuid');
    const purging = purgeOrphans(db(), async (ids, context) => {
      if (ids.includes('not-a-uuid')) throw badRequest;
      await store.deleteVectors(ids, context);
    });
    await expect(purging).rejects.toMatchObject({ documents: [refused], cause: badRequest });
    expect([await queued(refused), await queued(fine)]).toEqual([1, 0]);
  });

  test('throws in a later transaction, the earlier transactions stay committed', async () => {
    const docId = await queueThreePages();
    let calls = 0;
    const failing = purgeOrphans(
      db(),
      async (ids, context) => {
        calls += 1;
        if (calls === 2) throw new Error('second');
        await store.deleteVectors(ids, context);
      },
      { batchIds: 2 },
    );
    await expect(failing).rejects.toMatchObject({ cause: { message: 'second' } });
    expect(await queued(docId)).toBe(2);
    await expectNextPurgeFinishes(docId);
  });

  test('hangs until the signal aborts, the rows stay queued and the lock is released', async () => {
    const docId = await queueThreePages();
    const abort = new AbortController();
    const hanging = purgeOrphans(
      db(),
      (_ids, { signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(signal.reason));
          setTimeout(() => abort.abort(new Error('enough')), 20);
        }),
      { signal: abort.signal },
    );
    await expect(hanging).rejects.toThrow('enough');
    expect(await queued(docId)).toBe(3);
    await repository().upsertPage({ docId, page: 1, vectorIds: ['a9'] });
    await repository().deleteByDocument(docId);
    await expectNextPurgeFinishes(docId);
  });

  test('would run after an abort, the purge does not call it', async () => {
    await queueThreePages();
    const stopped = purgeOrphans(db(), store.deleteVectors, { signal: AbortSignal.abort() });
    await expect(stopped).rejects.toMatchObject({ name: 'AbortError' });
    expect(store.deleted).toEqual([]);
  });
});

describe('markIndexed', () => {
  const pages = (docId: number, vectorIds: string[]) => [{ docId, page: 1, vectorIds }];

  test('marks a recording once', async () => {
    const docId = await createDocument(db());
    const recorded = await repository().upsertPages(pages(docId, ['a', 'b']), { pending: true });
    expect(await repository().markIndexed(recorded)).toBe(1);
    expect(await repository().markIndexed(recorded)).toBe(0);
    expect(await queued()).toBe(0);
  });

  test('marks a page that SQL recorded', async () => {
    const docId = await createDocument(db());
    await db().execute(sql`
      insert into vectors (doc_id, page, vector_ids, indexed_at)
      values (${docId}, 1, '["a0", "a1", "a2"]', null)`);
    expect(await repository().markIndexed(await repository().findPending({ docId }))).toBe(1);
    expect(await queued()).toBe(0);
  });

  test('queues the ids of a page that was recorded again with other ids', async () => {
    const docId = await createDocument(db());
    const slow = await repository().upsertPages(pages(docId, ['a', 'b']), { pending: true });
    const fast = await repository().upsertPages(pages(docId, ['b', 'c']), { pending: true });
    // The first ingest was slow and writes its vectors only now.
    store.write(['a', 'b']);
    expect(await repository().markIndexed(slow)).toBe(0);
    expect(await repository().findPending({ docId })).toHaveLength(1);
    store.write(['c']);
    await repository().markIndexed(fast);
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 1, spared: 1 });
    expect([...store.ids]).toEqual(['b', 'c']);
  });

  test('queues the ids of a page that was deleted', async () => {
    const docId = await createDocument(db());
    const recorded = await repository().upsertPages(pages(docId, ['a']), { pending: true });
    await db().delete(documents).where(eq(documents.id, docId));
    await purgeOrphans(db(), store.deleteVectors);
    store.write(['a']);
    await repository().markIndexed(recorded);
    await purgeOrphans(db(), store.deleteVectors);
    expect([...store.ids]).toEqual([]);
  });
});
