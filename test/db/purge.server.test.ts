import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  type Db,
  type OpenDatabase,
  openDatabase,
  type PurgeResult,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../src/index.ts';
import {
  createDocument,
  emptyLedger,
  inRolledBackTransaction,
  makeDue,
  select,
  useServerDatabase,
} from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { gate } from '../support/gate.ts';
import { until, untilWriterWaits } from '../support/locks.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** A purge and writers on several connections. PGlite has one session, so nobody waits there. */
const serverUrl = useServerDatabase();
let a: OpenDatabase;
let b: OpenDatabase;
let store: MemoryStore;

beforeEach(async () => {
  [a, b] = [await openDatabase(serverUrl()), await openDatabase(serverUrl())];
  store = new MemoryStore();
  await emptyLedger(a.db);
});
afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
});

/** Creates a page with patch ids, writes it to the ledger and the store, and deletes it from the ledger. */
async function createDeletedPage() {
  const docId = await createDocument(a.db);
  const page = { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1000 }) };
  await createVectorRepository(a.db).upsertPage(page);
  store.write(page.vectorIds);
  await createVectorRepository(a.db).deleteByPage(docId, 1);
  return page;
}

/** Starts a purge that holds its lock and waits in `deleteVectors` until `goOn` is called. */
async function startPurge(): Promise<{ goOn: () => void; purged: Promise<PurgeResult> }> {
  const [deleting, goOn] = [gate(), gate()];
  const purged = purgeOrphans(a.db, async (ids, context) => {
    deleting.open();
    await goOn.opened;
    await store.deleteVectors(ids, context);
  });
  await deleting.opened;
  return { goOn: goOn.open, purged };
}

/** Waits until a writer waits for the purge. */
const writerWaits = () => untilWriterWaits(a.db);

/** Ends the connection of this transaction and waits until it has ended. */
async function killConnectionOf(tx: Db): Promise<void> {
  const [row] = await select<{ pid: number }>(tx, 'select pg_backend_pid() as pid');
  await b.db.execute(sql`select pg_terminate_backend(${row?.pid}::integer, 5000)`);
}

/** Waits until the signal is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (!signal.aborted) await once(signal, 'abort');
}

// The dangerous case: a retried ingest reuses the ids while they are being deleted.
test('an ingest of the same ids waits for the purge that deletes them, and no vector is lost', async () => {
  const page = await createDeletedPage();
  const { goOn, purged } = await startPurge();

  let recorded = false;
  const ingested = (async () => {
    await createVectorRepository(b.db).ingest([page], async () => {
      recorded = true;
      store.write(page.vectorIds);
    });
  })();
  await writerWaits();
  expect(recorded).toBe(false);

  goOn();
  expect(await purged).toEqual({ deleted: 1000, spared: 0, repaired: 0, remaining: 0 });
  await ingested;
  expect([...store.ids]).toEqual(page.vectorIds);
});

test.each(['repeatable read', 'serializable'] as const)(
  'an ingest in a %s transaction with an older snapshot waits for the purge',
  async (isolationLevel) => {
    const docId = await createDocument(a.db);
    const page = { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 30 }) };
    await createVectorRepository(a.db).upsertPage(page);
    store.write(page.vectorIds);
    let purged: Promise<PurgeResult> | undefined;
    await b.db.transaction(
      async (tx) => {
        await tx.execute(sql`select from documents`);
        // The page is deleted and its ids are purged after the snapshot was taken.
        await createVectorRepository(a.db).deleteByPage(docId, 1);
        const purge = await startPurge();
        purged = purge.purged;
        void writerWaits().then(purge.goOn);
        await createVectorRepository(tx).upsertPage({ ...page, page: 2 });
      },
      { isolationLevel },
    );
    store.write(page.vectorIds);
    await purged;
    expect([...store.ids]).toEqual(page.vectorIds);
  },
);

test('an ingest of the same ids on another page of the document waits for the purge', async () => {
  const page = await createDeletedPage();
  const { goOn, purged } = await startPurge();
  const renumbered = createVectorRepository(b.db)
    .replaceDocument(page.docId, [{ page: 2, vectorIds: page.vectorIds }], { pending: true })
    .then(() => store.write(page.vectorIds));
  await writerWaits();
  goOn();
  await Promise.all([purged, renumbered]);
  expect([...store.ids]).toEqual(page.vectorIds);
});

test('a purge makes no further deletes after it loses its connection', async () => {
  await createDeletedPage();
  const calls: number[] = [];
  const dying = purgeOrphans(
    a.db,
    async (ids, { tx, signal }) => {
      calls.push(ids.length);
      await killConnectionOf(tx);
      await aborted(signal);
      expect(signal.reason).toBeInstanceOf(DatabaseUnavailableError);
    },
    { batchIds: 100 },
  );
  await expect(dying).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await sleep(50);
  expect(calls).toEqual([100]);
});

test('a purge is not ended by idle_in_transaction_session_timeout', async () => {
  await createDeletedPage();
  const settings = { idle_in_transaction_session_timeout: '50' };
  const host = await openDatabase(urlWith(serverUrl(), { settings }));
  const result = await purgeOrphans(host.db, async (ids, context) => {
    await sleep(300);
    await store.deleteVectors(ids, context);
  });
  expect(result).toMatchObject({ remaining: 0 });
  await host.close();
});

test('a purge skips a page that is being recorded, and the next purge spares its ids', async () => {
  const page = await createDeletedPage();
  await b.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPages([page]);
    const result = await purgeOrphans(a.db, store.deleteVectors);
    expect(result).toEqual({ deleted: 0, spared: 0, repaired: 0, remaining: 1 });
  });
  expect(await purgeOrphans(a.db, store.deleteVectors)).toEqual({
    deleted: 0,
    spared: 1000,
    repaired: 0,
    remaining: 0,
  });
  expect([...store.ids]).toEqual(page.vectorIds);
});

/** Records a page and then other ids for it, so that the first ids are queued. */
async function createReplacedPage() {
  const docId = await createDocument(a.db);
  const [oldIds, newIds] = [[`${docId}-old`], [`${docId}-new`]];
  await createVectorRepository(a.db).upsertPages([{ docId, page: 1, vectorIds: oldIds }]);
  store.write(oldIds);
  await createVectorRepository(a.db).upsertPage({ docId, page: 1, vectorIds: newIds });
  return { docId, oldIds };
}

test('a purge keeps the old vectors of a page that becomes pending after the purge has started', async () => {
  await createDeletedPage();
  const { docId, oldIds } = await createReplacedPage();
  const { goOn, purged } = await startPurge();
  await createVectorRepository(b.db).upsertPages([{ docId, page: 1, vectorIds: ['x'] }], {
    pending: true,
  });
  goOn();
  await purged;
  expect([...store.ids]).toEqual(oldIds);
});

test('a purge keeps the old vectors of a page that becomes pending while the purge waits for its lock', async () => {
  const { docId, oldIds } = await createReplacedPage();
  let purged: Promise<PurgeResult> | undefined;
  await b.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPages([{ docId, page: 1, vectorIds: ['x'] }], {
      pending: true,
    });
    purged = purgeOrphans(a.db, store.deleteVectors);
    await writerWaits();
  });
  await purged;
  expect([...store.ids]).toEqual(oldIds);
});

test('a purge deletes the ids of a page whose recording was rolled back', async () => {
  const page = await createDeletedPage();
  await inRolledBackTransaction(b.db, (tx) => createVectorRepository(tx).upsertPages([page]));
  expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({ deleted: 1000 });
});

test('an ingest of another document does not wait for the purge', async () => {
  const page = await createDeletedPage();
  const { goOn, purged } = await startPurge();
  const docId = await createDocument(b.db);
  expect(docId).not.toBe(page.docId);
  await createVectorRepository(b.db).upsertPage({ docId, page: 1, vectorIds: ['other'] });
  goOn();
  await purged;
});

test('eight concurrent purges delete every id once', async () => {
  const ids: string[] = [];
  for (let document = 0; document < 4; document += 1) {
    const docId = await createDocument(a.db);
    const pages = Array.from({ length: 50 }, (_, index) => ({
      docId,
      page: index + 1,
      vectorIds: patchVectorIds({ docId, page: index + 1, count: 20 }),
    }));
    await createVectorRepository(a.db).upsertPages(pages);
    await createVectorRepository(a.db).deleteByDocument(docId);
    ids.push(...pages.flatMap(({ vectorIds }) => vectorIds));
  }
  store.write(ids);
  const purge = () =>
    purgeOrphans(
      a.db,
      async (batch, context) => {
        await sleep(1);
        await store.deleteVectors(batch, context);
      },
      { batchIds: 100 },
    );
  const results = await Promise.all(Array.from({ length: 8 }, purge));
  // On a busy machine, a purge may have skipped a document that another purge held for too long.
  results.push(await purge());
  expect(results.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(ids.length);
  expect(store.deleted.toSorted()).toEqual(ids.toSorted());
  expect(await a.db.$count(vectorOrphans)).toBe(0);
});

test('a purge runs at read committed even if the default isolation is serializable', async () => {
  const page = await createDeletedPage();
  const settings = { default_transaction_isolation: 'serializable' };
  const host = await openDatabase(urlWith(serverUrl(), { settings }));
  expect(await select(host.db, 'show transaction_isolation')).toEqual([
    { transaction_isolation: 'serializable' },
  ]);
  const seen: unknown[] = [];
  await purgeOrphans(host.db, async (_ids, { tx }) => {
    seen.push(...(await select(tx, 'show transaction_isolation')));
  });
  await host.close();
  expect(seen).toEqual([{ transaction_isolation: 'read committed' }]);
  expect(await createVectorRepository(a.db).countPages(page.docId)).toBe(0);
});

test('a purge whose connection dies leaves its rows to the next purge', async () => {
  const page = await createDeletedPage();
  const dying = purgeOrphans(a.db, async (ids, context) => {
    await store.deleteVectors(ids, context);
    await killConnectionOf(context.tx);
    // The purge must not continue before it knows that its connection is lost.
    await aborted(context.signal);
  });
  await expect(dying).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  expect(await b.db.$count(vectorOrphans)).toBe(1);

  // The same client opens a new connection.
  await makeDue(a.db);
  expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({
    deleted: 1000,
    remaining: 0,
  });
  expect(await createVectorRepository(a.db).countPages(page.docId)).toBe(0);
});

test.each(['transaction', 'savepoint'])(
  'a %s rejects if its connection dies during a statement, and the client stays usable',
  async (scope) => {
    const host = await openDatabase(serverUrl());
    const sleepInDatabase = (tx: Db) => tx.execute(sql`select pg_sleep(30) as waits_to_be_killed`);
    const work = host.db.transaction(async (tx) => {
      await (scope === 'savepoint' ? tx.transaction(sleepInDatabase) : sleepInDatabase(tx));
    });
    work.catch(() => {});
    await until(
      b.db,
      `select pg_terminate_backend(pid) from pg_stat_activity
       where query = 'select pg_sleep(30) as waits_to_be_killed' and wait_event = 'PgSleep'`,
    );
    await expect(work).rejects.toThrow();
    expect(await createVectorRepository(host.db).countPages(1)).toBe(0);
    // Not awaited: closing takes five seconds, because the statement that was lost never settles.
    host.close().catch(() => {});
  },
);
