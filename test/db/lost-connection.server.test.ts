import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres';
import { drizzle } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { afterEach, describe, expect, test } from 'vitest';
import { withLedgerErrors } from '../../src/driver-errors.ts';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  type Db,
  guardPostgres,
  openDatabase,
  purgeOrphans,
} from '../../src/index.ts';
import { uniform } from '../../src/uniform-db.ts';
import { bundled } from '../support/bundled.ts';
import {
  createDocument,
  emptyLedger,
  makeDue,
  select,
  useServerDatabase,
} from '../support/database.ts';
import { thrownBy } from '../support/thrown-by.ts';

const url = useServerDatabase();
let closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

/** How the server says that a backend was terminated, and how postgres.js says it between two statements. */
const reasonOfLoss =
  /^The database is not available: (terminating connection due to administrator command|write CONNECTION_CLOSED .*)$/;

type Open = () => Db | Promise<Db>;

const drivers: [name: string, open: Open][] = [
  [
    'openDatabase',
    async () => {
      const { db, close } = await openDatabase(url());
      closing.push(close);
      return db;
    },
  ],
  [
    'a guarded client of postgres.js',
    () => {
      const client = guardPostgres(postgres(url(), { onnotice: () => {} }));
      closing.push(() => client.end({ timeout: 1 }));
      return drizzle({ client });
    },
  ],
  [
    'a pool of node-postgres',
    () => {
      const client = new pg.Pool({ connectionString: url() });
      closing.push(() => client.end());
      return drizzleNodePostgres({ client });
    },
  ],
  [
    'a client of node-postgres',
    async () => {
      const client = new pg.Client(url());
      await client.connect();
      closing.push(() => client.end());
      return drizzleNodePostgres({ client });
    },
  ],
];

/** Ends the backend of a transaction from another connection. */
async function terminate(tx: Db): Promise<void> {
  const [session] = await select<{ pid: number }>(tx, 'select pg_backend_pid() as pid');
  const admin = new pg.Client(url());
  await admin.connect();
  await admin.query('select pg_terminate_backend($1::integer, 5000)', [session?.pid]);
  await admin.end();
}

describe.each(drivers)('on %s', (name, open) => {
  test('the signal of deleteVectors fires when the purge has lost its connection', async () => {
    const db = await open();
    await emptyLedger(db);
    const docId = await createDocument(db);
    await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a', 'b'] });
    await createVectorRepository(db).deleteByDocument(docId);
    await makeDue(db);
    const calls: string[][] = [];
    const error = await thrownBy(
      purgeOrphans(
        db,
        async (ids, { tx, signal }) => {
          calls.push(ids);
          await terminate(tx);
          if (!signal.aborted) await once(signal, 'abort');
          expect(signal.reason).toBeInstanceOf(DatabaseUnavailableError);
        },
        { batchIds: 1 },
      ),
    );
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect((error as Error).message).toMatch(reasonOfLoss);
    expect(calls).toHaveLength(1);

    const next = name === 'a client of node-postgres' ? await open() : db;
    await makeDue(next);
    expect(await purgeOrphans(next, async () => {})).toMatchObject({ deleted: 2, remaining: 0 });
  });

  test.each<[step: string, work: (tx: Db) => Promise<unknown>]>([
    ['a commit', async () => {}],
    ['a statement', (tx) => select(tx, 'select 1')],
    ['a savepoint', (tx) => tx.transaction(async () => {})],
    ['a rollback', () => Promise.reject(new Error('not the reason'))],
  ])('%s after the loss rejects with the reason of the loss', async (_, work) => {
    const db = uniform(await open());
    const error = await thrownBy(
      withLedgerErrors(() =>
        db.transaction(async (tx) => {
          await terminate(tx);
          await work(tx);
        }),
      ),
    );
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect((error as Error).message).toMatch(reasonOfLoss);
  });

  test('a statement that is running at the loss rejects with the reason of the loss', async () => {
    const db = uniform(await open());
    const error = await thrownBy(
      withLedgerErrors(() =>
        db.transaction((tx) =>
          tx.execute(sql`select pg_terminate_backend(pg_backend_pid(), 5000)`),
        ),
      ),
    );
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect((error as Error).message).toMatch(reasonOfLoss);
  });
});

test('a transaction that cannot begin says why, and not which statement failed', async () => {
  const client = new pg.Client(url());
  await client.connect();
  await client.end();
  const repository = createVectorRepository(drizzleNodePostgres({ client }));
  const error = await thrownBy(repository.deleteByDocument(1));
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect((error as Error).message).toBe(
    'The database is not available: Client was closed and is not queryable',
  );
});

test('idle_in_transaction_session_timeout makes the database unavailable', async () => {
  for (const [, open] of drivers) {
    const db = uniform(await open());
    const error = await thrownBy(
      withLedgerErrors(() =>
        db.transaction(async (tx) => {
          await tx.execute(sql`set local idle_in_transaction_session_timeout = 20`);
          await sleep(300);
        }),
      ),
    );
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
  }
});

test('a connection that is lost inside a transaction rejects, and no error is uncaught', async () => {
  const { code, stdout, stderr } = await loseConnections(url());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const outcomes: Record<string, string> = JSON.parse(stdout);
  for (const client of ['openDatabase', 'own client']) {
    expect(outcomes[`${client}: afterwards`]).toBe('resolved');
    delete outcomes[`${client}: afterwards`];
  }
  // A savepoint around a lost one never settles; its transaction rejects.
  expect(Object.keys(outcomes)).toHaveLength(20);
  const unexpected = Object.entries(outcomes).filter(
    ([, how]) => !['CONNECTION_CLOSED', 'DATABASE_UNAVAILABLE', '57P01'].includes(how),
  );
  expect(unexpected).toEqual([]);
});

test('an error of the transaction’s own work does not count as a lost connection', async () => {
  const { db, close } = await openDatabase(url());
  const own = Object.assign(new Error('the vector store is down'), { code: 'ECONNREFUSED' });
  const fails = (work: (tx: Db) => Promise<unknown>) =>
    db.transaction(work).catch((e: unknown) => e);
  expect(await fails(() => Promise.reject(own))).toBe(own);
  expect(await fails((tx) => tx.transaction(() => Promise.reject(own)))).toBe(own);
  const wrapped = new TypeError('fetch failed', { cause: own });
  expect(await fails(() => Promise.reject(wrapped))).toBe(wrapped);
  await close();
});

test('after a statement that failed in the middle of its rows, the next result has all its rows', async () => {
  const opened = await openDatabase(`${url()}?max=1`);
  const client = guardPostgres(postgres(url(), { max: 1 }));
  for (const db of [opened.db, drizzle({ client })] as Db[]) {
    const fails = () =>
      db.execute(sql`select 1 / (3 - i) from generate_series(1, 5) as i`).catch(() => {});
    await fails();
    expect(await select(db, 'select 1 as one union all select 2 order by 1')).toEqual([
      { one: 1 },
      { one: 2 },
    ]);
    await fails();
    const rows = await db.select({ one: sql<number>`1` }).from(sql`generate_series(1, 3)`);
    expect(rows).toEqual([{ one: 1 }, { one: 1 }, { one: 1 }]);
    await db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.execute(sql`select 1 / 0`)).catch(() => {});
      expect(await select(tx, 'select 1 as one')).toEqual([{ one: 1 }]);
    });
  }
  await opened.close();
  await client.end();
});

async function loseConnections(
  at: string,
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, [bundled('lost-connection-process'), at]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}
