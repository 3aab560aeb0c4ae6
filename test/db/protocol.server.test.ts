/** The protocol between writers and purges on several connections, one test per fault that an earlier version had. */
import { setTimeout as sleep } from 'node:timers/promises';
import { eq, sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  documents,
  hashedPatchVectorIds,
  migrationStatus,
  type OpenDatabase,
  openDatabase,
  PurgeError,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { readMigrationStatus } from '../../src/migrations/status.ts';
import { createDocument, execute, useServerDatabase } from '../support/database.ts';
import { ingestDocument } from '../support/ingest.ts';
import { MemoryStore } from '../support/memory-store.ts';

const url = useServerDatabase();
let purger: OpenDatabase;
let writer: OpenDatabase;
let store: MemoryStore;

beforeAll(async () => {
  purger = await openDatabase(url());
  writer = await openDatabase(url());
});
afterAll(async () => {
  await purger.close();
  await writer.close();
});
beforeEach(async () => {
  await writer.db.delete(vectors);
  await writer.db.delete(vectorOrphans);
  store = new MemoryStore();
});

const repository = () => createVectorRepository(writer.db);

describe('ids that return under another document while the store deletes them', () => {
  const content = () => hashedPatchVectorIds({ document: 'the same file', page: 1, count: 5 });

  /** Deletes a document with the ids, and purges while `meanwhile` runs. */
  async function purgeWhile(meanwhile: () => Promise<void>) {
    const docId = await ingestDocument(writer.db, store, [content()]);
    await writer.db.delete(documents).where(eq(documents.id, docId));
    return purgeOrphans(purger.db, async (ids, context) => {
      await meanwhile();
      await store.deleteVectors(ids, context);
    });
  }

  test('make their page pending again, and are counted', async () => {
    const other = await createDocument(writer.db);
    const result = await purgeWhile(async () => {
      // Recording does not wait: the purge has locked the other document only.
      await repository().ingest(
        [{ docId: other, page: 1, vectorIds: content() }],
        async ([page]) => {
          store.write(page?.vectorIds ?? []);
        },
      );
    });
    expect(result).toMatchObject({ deleted: 5, repaired: 1, remaining: 0 });
    expect(store.ids.size).toBe(0);
    expect(await repository().findPending({ docId: other })).toHaveLength(1);
  });

  test('cannot be marked by the ingest that recorded them', async () => {
    const other = await createDocument(writer.db);
    const page = { docId: other, page: 1, vectorIds: content() };
    let recorded: Awaited<ReturnType<typeof record>> | undefined;
    const record = () => repository().upsertPages([page], { pending: true });
    await purgeWhile(async () => {
      recorded = await record();
    });
    expect(await repository().markIndexed(recorded ?? [])).toBe(0);
    expect(await repository().findPending({ docId: other })).toHaveLength(1);
  });

  test('make their page pending if it was moved to the other document', async () => {
    const from = await createDocument(writer.db);
    const to = await createDocument(writer.db);
    const result = await purgeWhile(async () => {
      await repository().upsertPage({ docId: from, page: 1, vectorIds: content() });
      await writer.db.execute(sql`update vectors set doc_id = ${to} where doc_id = ${from}`);
    });
    expect(result).toMatchObject({ repaired: 1 });
    expect(await repository().findPending({ docId: to })).toHaveLength(1);
  });

  test('make their page pending if the call has failed or timed out', async () => {
    for (const fails of [true, false]) {
      const other = await createDocument(writer.db);
      const docId = await ingestDocument(writer.db, store, [content()]);
      await repository().deleteByDocument(docId);
      const purge = purgeOrphans(
        purger.db,
        async (ids, context) => {
          await repository().upsertPage({ docId: other, page: 1, vectorIds: content() });
          await store.deleteVectors(ids, context);
          if (fails) throw new Error('the answer was lost');
          await new Promise(() => {});
        },
        { callTimeoutMs: 200 },
      );
      await expect(purge).rejects.toThrow(PurgeError);
      expect(await repository().findPending({ docId: other })).toHaveLength(1);
      await writer.db.delete(vectors);
      await writer.db.delete(vectorOrphans);
    }
  });

  test('make their page pending when a call that timed out deletes them later', async () => {
    const other = await createDocument(writer.db);
    const docId = await ingestDocument(writer.db, store, [content()]);
    await repository().deleteByDocument(docId);
    let finish: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const purge = purgeOrphans(
      purger.db,
      async (ids, context) => {
        await late;
        await store.deleteVectors(ids, context);
      },
      { callTimeoutMs: 50 },
    );
    await expect(purge).rejects.toThrow(PurgeError);
    await repository().upsertPage({ docId: other, page: 1, vectorIds: content() });
    expect(await repository().findPending({ docId: other })).toEqual([]);
    finish();
    await expect.poll(() => repository().findPending({ docId: other })).toHaveLength(1);
  });
});

describe('strays', () => {
  const queueStrays = (count: number) =>
    writer.db.insert(vectorOrphans).values(
      Array.from({ length: count }, (_, index) => ({
        vectorIds: [`stray-${index}`],
        vectorCount: 1,
      })),
    );

  test('never make a writer wait', async () => {
    await queueStrays(50);
    const docId = await createDocument(writer.db);
    let writes = 0;
    await purgeOrphans(
      purger.db,
      async () => {
        writes += 1;
        // Would never return if the writer waited for the purge.
        await repository().upsertPage({
          docId,
          page: writes,
          vectorIds: [`page-${writes}`],
        });
      },
      { batchIds: 10 },
    );
    expect(writes).toBe(5);
  });

  test('are purged while a writer stays open', async () => {
    await queueStrays(3);
    const docId = await createDocument(writer.db);
    await writer.db.transaction(async (tx) => {
      await createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['open'] });
      expect(await purgeOrphans(purger.db, store.deleteVectors)).toMatchObject({ deleted: 3 });
    });
  });
});

test('a writer waits for at most one call of the store', async () => {
  const docId = await ingestDocument(
    writer.db,
    store,
    Array.from({ length: 6 }, (_, index) =>
      patchVectorIds({ docId: 9_000, page: index + 1, count: 10 }),
    ),
  );
  await repository().deleteByDocument(docId);
  let calls = 0;
  let callsBeforeWrite = 0;
  let write: Promise<void> | undefined;
  await purgeOrphans(
    purger.db,
    async (ids, context) => {
      calls += 1;
      write ??= repository()
        .upsertPage({ docId, page: 99, vectorIds: ['written'] })
        .then(() => {
          callsBeforeWrite = calls;
        });
      await sleep(150);
      await store.deleteVectors(ids, context);
    },
    { batchIds: 10 },
  );
  await write;
  expect(calls).toBe(6);
  expect(callsBeforeWrite).toBeLessThanOrEqual(2);
});

test('a purge gets its turn beside writers that never pause', async () => {
  const docId = await ingestDocument(writer.db, store, [['starved']]);
  await repository().deleteByPage(docId, 1);
  let stopped = false;
  const writers = Array.from({ length: 8 }, async (_, worker) => {
    for (let round = 0; !stopped; round += 1) {
      await repository().upsertPage({
        docId,
        page: worker + 2,
        vectorIds: [`w${worker}-${round}`],
      });
    }
  });
  await sleep(100);
  let deleted = 0;
  for (let run = 0; run < 5 && deleted === 0; run += 1) {
    await writer.db.execute(sql`update vector_orphans set due_at = now() where page = 1`);
    await purgeOrphans(purger.db, async (ids) => {
      deleted += ids.includes('starved') ? 1 : 0;
    });
  }
  stopped = true;
  await Promise.all(writers);
  expect(deleted).toBe(1);
});

test('a purge that cannot get the lock does not count as an attempt', async () => {
  const docId = await ingestDocument(writer.db, store, [['locked']]);
  await repository().deleteByPage(docId, 1);
  await writer.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPage({ docId, page: 2, vectorIds: ['open'] });
    expect(await purgeOrphans(purger.db, store.deleteVectors)).toMatchObject({
      deleted: 0,
      remaining: 1,
    });
  });
  expect(await writer.db.select().from(vectorOrphans)).toMatchObject([{ attempts: 0 }]);
  expect(await purgeOrphans(purger.db, store.deleteVectors)).toMatchObject({ deleted: 1 });
});

test('a row is counted as tried before the store is called, so a row that ends the process backs off', async () => {
  await repository().deleteByDocument(await ingestDocument(writer.db, store, [['tried']]));
  let during: unknown;
  await purgeOrphans(purger.db, async () => {
    during = rowsOf(
      await writer.db.execute(sql`select attempts, due_at > now() as waits from vector_orphans`),
    );
  });
  expect(during).toEqual([{ attempts: 1, waits: true }]);
});

test('forty transactions on 1100 documents each fit into the lock table', async () => {
  const first = await createDocument(writer.db);
  await writer.db.execute(sql`
    insert into documents (id) select n from generate_series(${first + 1}::int, ${first + 44_000}::int) as n`);
  await writer.db.execute(sql`select setval('documents_id_seq', ${first + 50_000})`);
  const wide = await openDatabase(`${url()}${url().includes('?') ? '&' : '?'}max=40`);
  let open = 0;
  let release: () => void = () => {};
  const all = new Promise<void>((resolve) => {
    release = resolve;
  });
  try {
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        wide.db.transaction(async (tx) => {
          const pages = Array.from({ length: 1_100 }, (_, n) => ({
            docId: first + 1 + index * 1_100 + n,
            page: 1,
            vectorIds: ['a'],
          }));
          await createVectorRepository(tx).upsertPages(pages);
          open += 1;
          if (open === 40) release();
          await all;
        }),
      ),
    );
    expect(await writer.db.$count(vectors)).toBe(44_000);
  } finally {
    await wide.close();
  }
});

describe('drift reports what makes the ledger lose ids', () => {
  /** The drift inside a transaction that runs the statements and is rolled back. */
  async function driftAfter(...statements: string[]): Promise<string[]> {
    let drift: string[] = [];
    const undo = new Error('undo');
    const work = writer.db.transaction(async (tx) => {
      await execute(tx, ...statements);
      const status = await readMigrationStatus(tx);
      drift = (status.drift ?? []).map(({ object, problem }) => `${object} is ${problem}`);
      throw undo;
    });
    await expect(work).rejects.toBe(undo);
    return drift;
  }

  test('a child table without triggers', async () => {
    const drift = await driftAfter('create table old_pages () inherits (vectors)');
    expect(drift).toContain('trigger vectors_queue_deleted on old_pages is missing');
    expect(drift).toHaveLength(6);
  });

  test('a parent table', async () => {
    expect(
      await driftAfter(
        'create table all_pages (doc_id integer not null)',
        'alter table vectors inherit all_pages',
      ),
    ).toEqual(['table vectors is changed']);
  });

  test('a BEFORE UPDATE row trigger of the host', async () => {
    expect(
      await driftAfter(
        'create function host() returns trigger language plpgsql as $$ begin return new; end $$',
        'create trigger host before update on vectors for each row execute function host()',
      ),
    ).toEqual(['trigger host is changed']);
  });

  test('a sequence that is behind its table, as after logical replication', async () => {
    const docId = await createDocument(writer.db);
    expect(
      await driftAfter(
        `insert into vectors (id, doc_id, page, vector_ids) values (1000000, ${docId}, 1, '["a"]')`,
        `insert into vector_orphans (id, vector_ids, vector_count) values (1000000, '["a"]', 1)`,
      ),
    ).toEqual([
      'sequence public.vector_orphans_id_seq is changed',
      'sequence public.vectors_id_seq is changed',
    ]);
  });

  test('nothing in an unchanged database', async () => {
    expect((await migrationStatus({ url: url() })).drift).toEqual([]);
  });
});
