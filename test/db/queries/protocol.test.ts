/** What the ledger's protocol promises, one test per fault that an earlier version had. */
import { randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import {
  AuditError,
  auditVectors,
  createVectorRepository,
  type DeleteVectors,
  documents,
  IngestError,
  InvalidInputError,
  MigrationError,
  PurgeError,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, makeDue, useTestDatabase } from '../../support/database.ts';
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

describe('a store that always rejects some documents', () => {
  test('does not keep the purge from the others', async () => {
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
    expect(error).toMatchObject({ code: 'PURGE_FAILED', documents: rejected, deleted: 1 });
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
          select attempts, extract(epoch from due_at - clock_timestamp())::float8 as wait
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

  test('does not mark a page whose ids were changed in SQL', async () => {
    const docId = await createDocument(db());
    const [recorded] = await repository().upsertPages([{ docId, page: 1, vectorIds: ['a'] }], {
      pending: true,
    });
    await db().execute(sql`update vectors set vector_ids = '["b"]' where doc_id = ${docId}`);
    await db().execute(sql`update vectors set vector_ids = '["a"]' where doc_id = ${docId}`);
    expect(recorded).toMatchObject({ docId, page: 1, vectorIds: ['a'], revision: 1 });
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

  test('does not slow down the walk to rows behind it', async () => {
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

  test('whose second call fails keep what is left', async () => {
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

test('a retried id that a page uses again makes the page pending instead of being spared in silence', async () => {
  const docId = await ingestDocument(db(), store, [['retried']]);
  await repository().deleteByPage(docId, 1);
  // The store deletes the vector and then fails.
  await thrownBy(
    purgeOrphans(db(), async (ids, context) => {
      await store.deleteVectors(ids, context);
      throw new Error('the answer was lost');
    }),
  );
  await repository().upsertPage({ docId, page: 1, vectorIds: ['retried'] });
  await makeDue(db());
  expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ spared: 1, repaired: 1 });
  expect(await repository().findPending({ docId })).toHaveLength(1);
});

test('a retried id is spared in silence if its page was recorded long after the earlier attempt', async () => {
  const docId = await ingestDocument(db(), store, [['retried late']]);
  await repository().deleteByPage(docId, 1);
  await thrownBy(purgeOrphans(db(), () => Promise.reject(new Error('rejected'))));
  await repository().upsertPage({ docId, page: 1, vectorIds: ['retried late'] });
  await db().execute(sql`
    update vector_orphans set due_at = now(), tried_at = tried_at - interval '1 hour'`);
  expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ spared: 1, repaired: 0 });
  expect(await repository().findPending({ docId })).toEqual([]);
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

describe('stored arrays', () => {
  const insert = (table: 'vectors' | 'vector_orphans', docId: number, ids: string) =>
    db().execute(
      table === 'vectors'
        ? sql`insert into vectors (doc_id, page, vector_ids) values (${docId}, 99, ${ids}::text::jsonb)`
        : sql`insert into vector_orphans (doc_id, page, vector_ids, vector_count) values (${docId}, 99, ${ids}::text::jsonb, 1)`,
    );
  const head = '0123456789abcdef0123456789abc';

  test.each(['vectors', 'vector_orphans'] as const)(
    'that the decoder cannot read are rejected by %s',
    async (table) => {
      const docId = await createDocument(db());
      for (const ids of [
        `[{"prefix":"${head}","from":"ff0","count":100,"radix":16}]`,
        `[{"prefix":"${head}","from":"ff0","count":17,"radix":16}]`,
        '[{"prefix":"a","from":"0","count":200000000}]',
        '[{"prefix":"a","from":"9990","count":11}]',
        '[{}]',
        '[1]',
        '[["a"]]',
        '{"prefix":"a","from":"0","count":3}',
        '"a"',
        'null',
      ]) {
        await expect(insert(table, docId, ids), ids).rejects.toMatchObject({
          cause: { code: '23514' },
        });
      }
      await insert(table, docId, `[{"prefix":"${head}","from":"ff0","count":16,"radix":16}]`);
      await db().delete(table === 'vectors' ? vectors : vectorOrphans);
    },
  );
});

describe('UUIDs in mixed case', () => {
  const lower = 'a3f1c0de-1111-4222-8333-abcdefabcdef';
  const mixed = 'A3f1c0de-1111-4222-8333-abcdefABCDEF';

  test('are rejected when a page is recorded', async () => {
    const docId = await createDocument(db());
    for (const id of [mixed, mixed.replaceAll('-', '')]) {
      const error = await thrownBy(
        repository().upsertPage({ docId, page: 1, vectorIds: ['a', id] }),
      );
      expect(error).toBeInstanceOf(InvalidInputError);
      expect(error).toMatchObject({ path: ['page', 'vectorIds', 1] });
    }
  });

  test('are rejected by the table, so no live id can hide from a purge', async () => {
    const docId = await createDocument(db());
    for (const ids of [[mixed], [{ prefix: mixed.slice(0, 32), from: '0000', count: 3 }]]) {
      await expect(
        db().execute(
          sql`insert into vectors (doc_id, page, vector_ids) values (${docId}, 1, ${JSON.stringify(ids)}::text::jsonb)`,
        ),
      ).rejects.toMatchObject({ cause: { code: '23514' } });
    }
  });

  test('that the store lists are recognized as ids of a page, and are located', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [lower] });
    store.write([mixed]);
    expect(await auditVectors(db(), store, { queueUntracked: true })).toMatchObject({
      missing: { vectors: 1 }, // `existing` of this store compares letters
      untracked: { vectors: 0, queued: 0 },
    });
    expect(await repository().locate([mixed])).toMatchObject([{ docId, page: 1, patch: 0 }]);
  });

  test('that are queued are spared if a page has them in lower or upper case', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [lower.toUpperCase()] });
    await db()
      .insert(vectorOrphans)
      .values({ docId, page: 1, vectorIds: [mixed], vectorCount: 1 });
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 0, spared: 1 });
  });
});

test('only a new row takes a value of the sequence', async () => {
  const docId = await createDocument(db());
  const pages = Array.from({ length: 100 }, (_, index) => ({
    docId,
    page: index + 1,
    vectorIds: ['a'],
  }));
  const last = async () =>
    Number(
      rowsOf<{ n: unknown }>(await db().execute(sql`select last_value as n from vectors_id_seq`))[0]
        ?.n,
    );
  await repository().upsertPages(pages);
  const before = await last();
  for (let round = 0; round < 3; round += 1) await repository().upsertPages(pages);
  await repository().upsertPages(pages, { pending: true });
  await repository().replaceDocument(docId, pages);
  await repository().upsertPage({ docId, page: 1, vectorIds: ['b'] });
  expect(await last()).toBe(before);
  await repository().upsertPage({ docId, page: 101, vectorIds: ['new'] });
  expect(await last()).toBe(before + 1);
});

describe('triggers that do not work', () => {
  const undo = new Error('undo');

  test.each([
    ['a dropped trigger', 'drop trigger vectors_queue_deleted on vectors', 'colpali-vectors'],
    [
      'a disabled trigger',
      'alter table vectors disable trigger vectors_queue_replaced',
      'enable trigger',
    ],
  ])('are noticed by the first write: %s', async (_, statement, remedy) => {
    const docId = await createDocument(db());
    const work = db().transaction(async (tx) => {
      await tx.execute(sql.raw(statement));
      const error = await thrownBy(
        createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['a'] }),
      );
      expect(error).toBeInstanceOf(MigrationError);
      expect((error as Error).message).toContain(remedy);
      throw undo;
    });
    await expect(work).rejects.toBe(undo);
  });

  test('are noticed by the purge and the audit', async () => {
    await db().execute(sql`alter table vectors disable trigger vectors_queue_truncated`);
    try {
      expect(await thrownBy(purgeOrphans(db(), store.deleteVectors))).toBeInstanceOf(
        MigrationError,
      );
      expect(await thrownBy(auditVectors(db(), store))).toBeInstanceOf(MigrationError);
    } finally {
      await db().execute(sql`alter table vectors enable trigger vectors_queue_truncated`);
    }
  });
});

describe('an audit', () => {
  test('refuses to queue a large share of the store, and queues nothing', async () => {
    await ingestDocument(db(), store, [['known']]);
    store.write(Array.from({ length: 9 }, (_, index) => `other-collection-${index}`));
    const error = await thrownBy(auditVectors(db(), store, { queueUntracked: true }));
    expect(error).toBeInstanceOf(AuditError);
    expect(error).toMatchObject({ code: 'AUDIT_REFUSED', stored: 10, untracked: 9 });
    expect(await db().$count(vectorOrphans)).toBe(0);

    const report = await auditVectors(db(), store, { queueUntracked: true, maxUntrackedShare: 1 });
    expect(report.untracked).toMatchObject({ vectors: 9, queued: 9 });
    expect(await purgeOrphans(db(), store.deleteVectors)).toMatchObject({ deleted: 9 });
    expect([...store.ids]).toEqual(['known']);
  });

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

  test('does not take queued ids for untracked ones, whatever their spelling', async () => {
    const docId = await ingestDocument(db(), store, [
      ['queued', 'b1111111-2222-4333-8444-555555555555'],
      patchVectorIds({ docId: 77, page: 1, count: 4 }),
    ]);
    await repository().deleteByDocument(docId);
    store.ids.delete('b1111111-2222-4333-8444-555555555555');
    store.write(['B1111111222243338444555555555555']);
    expect((await auditVectors(db(), store)).untracked.vectors).toBe(0);
  });

  test('queues strays without a document, and the purge passes them without a document', async () => {
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
  });
});
