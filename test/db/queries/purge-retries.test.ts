/** A purge whose calls fail, hang or are too large for one call. */
import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import {
  createVectorRepository,
  type DeleteVectors,
  documents,
  PurgeError,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, makeDue, useTestDatabase } from '../../support/database.ts';
import { ingestDocument } from '../../support/ingest.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { isDistributed } from '../../support/shapes.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());
let store: MemoryStore;

beforeEach(async () => {
  await emptyLedger(db());
  store = new MemoryStore();
});

describe('a store that always rejects some documents', () => {
  test('does not stop the purge of the other documents', async () => {
    const docIds: number[] = [];
    for (let index = 0; index < 5; index += 1) {
      docIds.push(await ingestDocument(db(), store, [[`starve-${index}`]]));
    }
    const rejected = docIds.slice(0, 4);
    const deleteVectors: DeleteVectors = async (ids, context) => {
      if (rejected.includes(context.docId as number)) throw new Error('rejected');
      await store.deleteVectors(ids, context);
    };
    await db().delete(vectors);

    const error = await thrownBy(purgeOrphans(db(), deleteVectors));
    expect(error).toBeInstanceOf(PurgeError);
    expect(error).toMatchObject({ code: 'PURGE_FAILED', deleted: 1 });
    const { documents } = error as PurgeError;
    // On Citus, the delete queues the pages of one shard after another.
    expect(isDistributed ? documents.toSorted((a, b) => Number(a) - Number(b)) : documents).toEqual(
      rejected,
    );
    expect((error as Error).cause).toMatchObject({ message: 'rejected' });
    expect([...store.ids]).toEqual(['starve-0', 'starve-1', 'starve-2', 'starve-3']);
  });

  test('is asked again later, and each time after a longer wait', async () => {
    await ingestDocument(db(), store, [['backoff']]);
    await db().delete(vectors);
    const waits: number[] = [];
    const refuse = async () => {
      throw new Error('rejected');
    };
    for (let attempt = 1; attempt <= 4; attempt += 1) {
      await makeDue(db());
      await thrownBy(purgeOrphans(db(), refuse));
      const [row] = rowsOf<{ attempts: number; wait: number }>(
        await db().execute(sql`
          select attempts, extract(epoch from due_at - tried_at)::float8 as wait
          from vector_orphans`),
      );
      expect(row?.attempts).toBe(attempt);
      waits.push(Number(row?.wait));
    }
    expect(waits.map((wait, index) => wait > 0.7 * 2 ** index && wait < 1.3 * 2 ** index)).toEqual(
      waits.map(() => true),
    );
    // Not due yet: the purge does not call the store.
    expect(await purgeOrphans(db(), refuse)).toMatchObject({ deleted: 0, remaining: 1 });
  });

  test('stops the purge after twenty calls in a row have failed', async () => {
    for (let index = 0; index < 25; index += 1)
      await ingestDocument(db(), store, [[`down-${index}`]]);
    await db().delete(vectors);
    let calls = 0;
    const down = async () => {
      calls += 1;
      throw new Error('the store is down');
    };
    const error = await thrownBy(purgeOrphans(db(), down));
    expect((error as PurgeError).documents).toHaveLength(20);
    expect(calls).toBe(20);
  });
});

describe('large rows', () => {
  test('are deleted in calls of batchIds, and each call deletes its own row', async () => {
    const ids = Array.from({ length: 5_000 }, () => randomUUID());
    await ingestDocument(db(), store, [ids]);
    await db().delete(vectors);
    const sizes: number[] = [];
    const result = await purgeOrphans(
      db(),
      async (batch, context) => {
        sizes.push(batch.length);
        await store.deleteVectors(batch, context);
      },
      { batchIds: 100 },
    );
    expect(result).toEqual({ deleted: 5_000, spared: 0, repaired: 0, remaining: 0 });
    expect(sizes).toEqual(Array.from({ length: 50 }, () => 100));
  });

  test('whose second call fails keep the ids that are left', async () => {
    await ingestDocument(db(), store, [Array.from({ length: 250 }, (_, n) => `large-${n * 7}`)]);
    await db().delete(vectors);
    let calls = 0;
    await thrownBy(
      purgeOrphans(
        db(),
        async (ids, context) => {
          calls += 1;
          if (calls === 2) throw new Error('rejected');
          await store.deleteVectors(ids, context);
        },
        { batchIds: 100 },
      ),
    );
    const rows = await db().select().from(vectorOrphans);
    expect(rows.map(({ vectorCount }) => vectorCount).toSorted()).toEqual([100, 50]);
    expect(store.ids.size).toBe(150);
    await makeDue(db());
    await purgeOrphans(db(), store.deleteVectors);
    expect(store.ids.size).toBe(0);
  });
});

test('deleteVectors receives the document and the namespace, also of a deleted document', async () => {
  const docId = await createDocument(db());
  await repository().upsertPages([
    { docId, page: 1, vectorIds: ['ns-a'], namespace: 'tenant-a' },
    { docId, page: 2, vectorIds: ['ns-b'], namespace: 'tenant-b' },
    { docId, page: 3, vectorIds: ['ns-none'] },
  ]);
  await db().delete(documents).where(eq(documents.id, docId));
  const calls: unknown[] = [];
  await purgeOrphans(db(), async (ids, context) => {
    calls.push({ ids, docId: context.docId, namespace: context.namespace });
  });
  expect(calls).toEqual([
    { ids: ['ns-a'], docId, namespace: 'tenant-a' },
    { ids: ['ns-b'], docId, namespace: 'tenant-b' },
    { ids: ['ns-none'], docId, namespace: null },
  ]);
});

test.each([
  ['in one call', 1_000],
  ['in calls of a smaller purge', 1],
])('a retried id that a page uses again makes the page pending: %s', async (_, batchIds) => {
  const vectorIds = ['retried', 'with it'];
  const docId = await ingestDocument(db(), store, [vectorIds]);
  await repository().deleteByPage(docId, 1);
  // The store deletes the vector and then fails.
  await thrownBy(
    purgeOrphans(db(), async (ids, context) => {
      await store.deleteVectors(ids, context);
      throw new Error('the answer was lost');
    }),
  );
  await repository().upsertPage({ docId, page: 1, vectorIds });
  await makeDue(db());
  const purge = purgeOrphans(db(), store.deleteVectors, { batchIds });
  expect(await purge).toMatchObject({ deleted: 0, repaired: 1 });
  expect(await repository().findPending({ docId })).toHaveLength(1);
});

test('a retried id is spared in silence if its page was recorded long after the earlier attempt', async () => {
  const docId = await ingestDocument(db(), store, [['retried late']]);
  await repository().deleteByPage(docId, 1);
  await thrownBy(purgeOrphans(db(), () => Promise.reject(new Error('rejected'))));
  await repository().upsertPage({ docId, page: 1, vectorIds: ['retried late'] });
  await makeDue(db());
  await db().execute(sql`update vector_orphans set tried_at = now() - interval '1 hour'`);
  expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ spared: 1, repaired: 0 });
  expect(await repository().findPending({ docId })).toEqual([]);
});

test('a row whose time was set to the earliest of all is purged like the others', async () => {
  await ingestDocument(db(), store, [['first'], ['second']]);
  await db().delete(vectors);
  await db().execute(sql`update vector_orphans set due_at = '-infinity' where page = 1`);
  expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 2, remaining: 0 });
});

describe('time limits', () => {
  test('end a call that hangs, and the rows stay', async () => {
    await ingestDocument(db(), store, [['hangs']]);
    await db().delete(vectors);
    let signal: AbortSignal | undefined;
    const error = await thrownBy(
      purgeOrphans(
        db(),
        (_, context) => {
          signal = context.signal;
          return new Promise(() => {});
        },
        { callTimeoutMs: 50 },
      ),
    );
    expect(error).toBeInstanceOf(PurgeError);
    expect((error as Error).cause).toMatchObject({ name: 'TimeoutError' });
    expect(signal?.aborted).toBe(true);
    expect(await db().$count(vectorOrphans)).toBe(1);
  });

  test('end a purge at its deadline without an error', async () => {
    for (let index = 0; index < 3; index += 1)
      await ingestDocument(db(), store, [[`late-${index}`]]);
    await db().delete(vectors);
    const result = await purgeOrphans(
      db(),
      async (ids, context) => {
        await store.deleteVectors(ids, context);
        await new Promise((resolve) => setTimeout(resolve, 120));
      },
      { deadlineMs: 100 },
    );
    expect(result.remaining).toBeGreaterThan(0);
    expect(result.deleted + result.remaining).toBe(3);
  });
});
