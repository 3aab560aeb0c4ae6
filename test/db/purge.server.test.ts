import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  type OpenDatabase,
  openDatabase,
  type PurgeResult,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { createDocument, useServerDatabase } from '../support/database.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** Several connections at once: PGlite has one session, and nobody there waits for anybody. */
const serverUrl = useServerDatabase();
let a: OpenDatabase;
let b: OpenDatabase;
let store: MemoryStore;

beforeEach(async () => {
  [a, b] = [await openDatabase(serverUrl()), await openDatabase(serverUrl())];
  store = new MemoryStore();
  await a.db.delete(vectors);
  await a.db.delete(vectorOrphans);
});
afterEach(async () => {
  await Promise.all([a.close(), b.close()]);
});

/** A promise and the function that resolves it. */
function gate(): { opened: Promise<void>; open: () => void } {
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}

/** A page whose computed ids are in the store, and which has just been deleted. */
async function deletedPage() {
  const docId = await createDocument(a.db);
  const page = { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1030 }) };
  await createVectorRepository(a.db).upsertPage(page);
  store.write(page.vectorIds);
  await createVectorRepository(a.db).deleteByPage(docId, 1);
  return page;
}

/** A purge that has found what to delete and stands still before it does, until it is told to go on. */
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

// The dangerous case: a retried ingest brings the ids back while they are being deleted.
test('an ingest of the same ids waits for the purge that deletes them, and none is lost', async () => {
  const page = await deletedPage();
  const { goOn, purged } = await startPurge();

  let recorded = false;
  const ingested = (async () => {
    await createVectorRepository(b.db).upsertPages([page], { pending: true });
    recorded = true;
    store.write(page.vectorIds);
    await createVectorRepository(b.db).markIndexed([page]);
  })();
  await sleep(100);
  expect(recorded).toBe(false);

  goOn();
  expect(await purged).toEqual({ deleted: 1030, spared: 0, remaining: 0 });
  await ingested;
  expect([...store.ids]).toEqual(page.vectorIds);
});

test.each(['repeatable read', 'serializable'] as const)(
  'an ingest in a host’s %s transaction waits as well, whatever its snapshot shows',
  async (isolationLevel) => {
    const docId = await createDocument(a.db);
    const page = { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 30 }) };
    await createVectorRepository(a.db).upsertPage(page);
    store.write(page.vectorIds);
    let purged: Promise<PurgeResult> | undefined;
    await b.db.transaction(
      async (tx) => {
        await tx.execute(sql`select from documents`);
        // After the snapshot: the page goes, and its ids are being deleted.
        await createVectorRepository(a.db).deleteByPage(docId, 1);
        const purge = await startPurge();
        purged = purge.purged;
        void sleep(50).then(purge.goOn);
        await createVectorRepository(tx).upsertPage({ ...page, page: 2 }, { pending: true });
      },
      { isolationLevel },
    );
    store.write(page.vectorIds);
    await purged;
    expect([...store.ids]).toEqual(page.vectorIds);
  },
);

test('ids that come back on another page of the document wait as well', async () => {
  const page = await deletedPage();
  const { goOn, purged } = await startPurge();
  const renumbered = createVectorRepository(b.db)
    .replaceDocument(page.docId, [{ page: 2, vectorIds: page.vectorIds }], { pending: true })
    .then(() => store.write(page.vectorIds));
  await sleep(50);
  goOn();
  await Promise.all([purged, renumbered]);
  expect([...store.ids]).toEqual(page.vectorIds);
});

test('ids of an unknown document are not purged while anybody records', async () => {
  await a.db.insert(vectorOrphans).values({ docId: 0, page: 0, vectorIds: ['stray'] });
  const docId = await createDocument(a.db);
  await b.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['stray'] });
    expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({
      deleted: 0,
      remaining: 1,
    });
  });
  expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({ deleted: 0, spared: 1 });
});

test('a purge whose connection is gone deletes no further', async () => {
  await deletedPage();
  const calls: number[] = [];
  const dying = purgeOrphans(
    a.db,
    async (ids, { tx, signal }) => {
      calls.push(ids.length);
      const [row] = rowsOf<{ pid: number }>(await tx.execute(sql`select pg_backend_pid() as pid`));
      await b.db.execute(sql`select pg_terminate_backend(${row?.pid})`);
      await sleep(50);
      expect(signal.aborted).toBe(true);
      expect(signal.reason).toBeInstanceOf(DatabaseUnavailableError);
    },
    { batchIds: 100 },
  );
  await expect(dying).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await sleep(50);
  expect(calls).toEqual([100]);
});

test('a server that ends idle transactions does not end the purge', async () => {
  await deletedPage();
  const url = new URL(serverUrl());
  url.searchParams.set('options', '-c idle_in_transaction_session_timeout=50');
  const host = await openDatabase(url.href);
  const result = await purgeOrphans(host.db, async (ids, context) => {
    await sleep(300);
    await store.deleteVectors(ids, context);
  });
  expect(result).toMatchObject({ remaining: 0 });
  await host.close();
});

test('a purge passes over the page that is being recorded, and spares it afterwards', async () => {
  const page = await deletedPage();
  await b.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPages([page], { pending: true });
    const result = await purgeOrphans(a.db, store.deleteVectors);
    expect(result).toEqual({ deleted: 0, spared: 0, remaining: 1 });
  });
  expect(await purgeOrphans(a.db, store.deleteVectors)).toEqual({
    deleted: 0,
    spared: 1030,
    remaining: 0,
  });
  expect([...store.ids]).toEqual(page.vectorIds);
});

test('a purge waits for nobody when the recording is rolled back', async () => {
  const page = await deletedPage();
  const undo = new Error('undo');
  const recording = b.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPages([page]);
    throw undo;
  });
  await expect(recording).rejects.toBe(undo);
  expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({ deleted: 1030 });
});

test('an ingest of another document does not wait', async () => {
  const page = await deletedPage();
  const { goOn, purged } = await startPurge();
  const docId = await createDocument(b.db);
  expect(docId).not.toBe(page.docId);
  await createVectorRepository(b.db).upsertPage({ docId, page: 1, vectorIds: ['other'] });
  goOn();
  await purged;
});

test('eight purges side by side delete every id once', async () => {
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
  const results = await Promise.all(
    Array.from({ length: 8 }, () =>
      purgeOrphans(
        a.db,
        async (batch, context) => {
          await sleep(1);
          await store.deleteVectors(batch, context);
        },
        { batchRows: 5 },
      ),
    ),
  );
  expect(results.reduce((sum, { deleted }) => sum + deleted, 0)).toBe(ids.length);
  expect(store.deleted.toSorted()).toEqual(ids.toSorted());
  expect(await a.db.$count(vectorOrphans)).toBe(0);
});

test('the liveness check does not use an old snapshot, whatever the host’s default isolation', async () => {
  const page = await deletedPage();
  const url = new URL(serverUrl());
  url.searchParams.set('options', '-c default_transaction_isolation=serializable');
  const host = await openDatabase(url.href);
  const isolation = await host.db.execute(sql`show default_transaction_isolation`);
  expect(JSON.stringify(isolation)).toContain('serializable');
  const seen: string[] = [];
  await purgeOrphans(host.db, async (_ids, { tx }) => {
    seen.push(JSON.stringify(await tx.execute(sql`show transaction_isolation`)));
  });
  await host.close();
  expect(seen.length).toBeGreaterThan(0);
  expect(seen.every((level) => level.includes('read committed'))).toBe(true);
  expect(await createVectorRepository(a.db).countPages(page.docId)).toBe(0);
});

test('a connection that dies during the purge leaves the rows to the next', async () => {
  const page = await deletedPage();
  const dying = purgeOrphans(a.db, async (ids, context) => {
    const [row] = rowsOf<{ pid: number }>(
      await context.tx.execute(sql`select pg_backend_pid() as pid`),
    );
    await store.deleteVectors(ids, context);
    await b.db.execute(sql`select pg_terminate_backend(${row?.pid})`);
    // The purge goes on when the connection has been closed under it.
    await sleep(50);
  });
  await expect(dying).rejects.toMatchObject({ code: 'DATABASE_UNAVAILABLE' });
  await sleep(100);
  expect(await b.db.$count(vectorOrphans)).toBe(1);

  // The database it ran on goes on as well.
  expect(await purgeOrphans(a.db, store.deleteVectors)).toMatchObject({
    deleted: 1030,
    remaining: 0,
  });
  expect(await createVectorRepository(a.db).countPages(page.docId)).toBe(0);
});

test.each(['in a transaction', 'in a savepoint'])(
  'a connection that dies during a statement %s is an error like any other',
  async (where) => {
    const page = await deletedPage();
    const work = a.db.transaction(async (tx) => {
      const [row] = rowsOf<{ pid: number }>(await tx.execute(sql`select pg_backend_pid() as pid`));
      void sleep(50).then(() => b.db.execute(sql`select pg_terminate_backend(${row?.pid})`));
      const sleepInDatabase = (on: typeof tx) => on.execute(sql`select pg_sleep(5)`);
      await (where === 'in a savepoint' ? tx.transaction(sleepInDatabase) : sleepInDatabase(tx));
    });
    await expect(work).rejects.toThrow();
    await sleep(100);
    expect(await createVectorRepository(a.db).countPages(page.docId)).toBe(0);
  },
);
