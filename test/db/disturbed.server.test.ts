/** After a failed statement, a timeout, a cancel or a lost connection, every function gives the same answers. */
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres from 'postgres';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  type Db,
  migrate,
  type OpenDatabase,
  openDatabase,
} from '../../src/index.ts';
import { execute, openMigratedPGlite, useServerDatabase } from '../support/database.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../support/embedded-server.ts';
import { isDistributed } from '../support/shapes.ts';
import { sweep } from '../support/sweep.ts';
import { thrownBy } from '../support/thrown-by.ts';

const url = useServerDatabase();
/** A distributed ledger cannot queue ids without a document. */
const options = { queueUntracked: !isDistributed };
let expected: Record<string, unknown>;
/** Disturbs the others from outside. */
let admin: OpenDatabase;
let closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  admin = await openDatabase(url());
  expected = await sweep(admin.db, undefined, options);
});
afterEach(async () => {
  const opened = closing;
  closing = [];
  await Promise.all(opened.map((close) => close()));
});
afterAll(() => admin.close());

type Open = (at: string) => Promise<Db>;

/** The driver of `openDatabase`, the same driver of a host, and node-postgres. Two connections each. */
const drivers: [name: string, open: Open][] = [
  [
    'openDatabase',
    async (at) => {
      const { db, close } = await openDatabase(`${at}${at.includes('?') ? '&' : '?'}max=2`);
      closing.push(close);
      return db;
    },
  ],
  [
    'postgres.js of a host',
    async (at) => {
      const client = postgres(at, { max: 2, onnotice: () => {}, backoff: () => 0.05 });
      closing.push(() => client.end({ timeout: 1 }));
      return drizzlePostgresJs({ client });
    },
  ],
  [
    'node-postgres',
    async (at) => {
      const client = new pg.Pool({ connectionString: at, max: 2 });
      // Without a listener, a lost idle connection would end the process.
      client.on('error', () => {});
      closing.push(() => client.end());
      return drizzleNodePostgres({ client });
    },
  ],
];

const failing = async (db: Db) => {
  await thrownBy(db.execute(sql`select 1 / (3 - i) from generate_series(1, 5) as i`).execute());
};
const timingOut = async (db: Db) => {
  const work = db.transaction(async (tx) => {
    await execute(tx, 'set local statement_timeout = 10');
    await tx.execute(sql`select i, pg_sleep(0.004) from generate_series(1, 50) as i`);
  });
  await thrownBy(work);
};
const othersOfThisDatabase = sql`
  from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`;
const cancelled = async (db: Db) => {
  const running = thrownBy(
    db.execute(sql`select i, pg_sleep(0.01) from generate_series(1, 9999) as i`).execute(),
  );
  let isOver = false;
  running.then(() => {
    isOver = true;
  });
  while (!isOver) {
    await admin.db.execute(
      sql`select pg_cancel_backend(pid) ${othersOfThisDatabase} and state = 'active'`,
    );
  }
};
const killed = async () => {
  await admin.db.execute(sql`select pg_terminate_backend(pid, 5000) ${othersOfThisDatabase}`);
};

describe.each(drivers)('with %s, every function gives the same answers after', (_, open) => {
  test.each([
    ['a failed statement', failing],
    ['a timeout', timingOut],
    ['a cancel', cancelled],
    ['a killed backend', killed],
  ])('%s', async (_, disturb) => {
    const db = await open(url());
    expect(await sweep(db, () => disturb(db), options)).toEqual(expected);
  });

  test('a lost network', async () => {
    const proxy = await startProxy(url());
    const db = await open(proxy.url);
    expect(await sweep(db, proxy.cut, options)).toEqual(expected);
    proxy.refuse();
    const error = await thrownBy(createVectorRepository(db).countPages(1));
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
  });
});

describe('after a restart of the server', () => {
  let server: EmbeddedServer;
  beforeAll(async () => {
    server = await startEmbeddedServer({ survivesKill: true });
    await migrate({ url: server.url });
  });
  afterAll(() => server.stop());

  test.each(drivers)('every function gives the same answers with %s', async (_, open) => {
    const db = await open(server.url);
    let calls = 0;
    const answers = await sweep(
      db,
      async () => {
        calls += 1;
        if (calls % 9 !== 0) return;
        await server.kill();
        await server.restart();
      },
      options,
    );
    expect(answers).toEqual(expected);
  });
});

test('PGlite gives the same answers after a failed statement and a timeout', async () => {
  const { db, close } = await openMigratedPGlite();
  closing.push(close);
  expect(await sweep(db, () => failing(db), options)).toEqual(expected);
});

/** Passes connections on to the server of `url`, until they are cut. */
async function startProxy(
  url: string,
): Promise<{ url: string; cut(): Promise<void>; refuse(): void }> {
  const target = new URL(url);
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    const upstream = connect(Number(target.port), target.hostname);
    for (const [from, to] of [
      [socket, upstream],
      [upstream, socket],
    ] as const) {
      sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const proxied = new URL(url);
  proxied.host = `127.0.0.1:${(server.address() as { port: number }).port}`;
  closing.push(async () => server.close());
  return {
    url: proxied.href,
    async cut() {
      for (const socket of sockets) socket.resetAndDestroy();
    },
    refuse() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
