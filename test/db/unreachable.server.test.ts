import { once } from 'node:events';
import { createServer, type Server } from 'node:net';
import { drizzle } from 'drizzle-orm/node-postgres';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  DatabaseUnavailableError,
  migrate,
  openDatabase,
} from '../../src/index.ts';
import {
  createDocument,
  createServerDatabase,
  execute,
  select,
  useServerDatabase,
} from '../support/database.ts';
import { freePort } from '../support/free-port.ts';
import { thrownBy } from '../support/thrown-by.ts';

const url = useServerDatabase();

/** A server that accepts connections and never says anything. */
let silent: Server;
let silentHost: string;
/** A port on which nothing listens. */
let closedHost: string;

beforeAll(async () => {
  silent = createServer(() => {}).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  silentHost = `127.0.0.1:${(silent.address() as { port: number }).port}`;
  closedHost = `127.0.0.1:${await freePort()}`;
});
afterAll(() => silent.close());

/** The URL of the test database, with other hosts. */
function at(hosts: string, parameters = ''): string {
  const { username, pathname, host } = new URL(url());
  return `postgres://${username}@${hosts.replaceAll('server', host)}${pathname}?${parameters}`;
}

async function read(url: string): Promise<unknown> {
  const { db, close } = await openDatabase(url);
  try {
    return await createVectorRepository(db).countPages(1);
  } finally {
    await close();
  }
}

describe('with several hosts', () => {
  test.each([
    ['the first', 'server'],
    ['the second, if the first refuses connections', 'closed,server'],
    ['the third, if the first two give no answer', 'silent,silent,server'],
  ])('openDatabase uses %s', async (_, hosts) => {
    const named = hosts.replaceAll('closed', closedHost).replaceAll('silent', silentHost);
    expect(await read(at(named, 'connect_timeout=1'))).toBe(0);
  });

  test('that are all down, a query fails after it has tried each of them, and so does the next query', async () => {
    const { db, close } = await openDatabase(
      at(`${closedHost},${silentHost},${closedHost}`, 'connect_timeout=1&max=2'),
    );
    const repository = createVectorRepository(db);
    const queries = Array.from({ length: 4 }, () => thrownBy(repository.countPages(1)));
    for (const error of await Promise.all(queries)) {
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
    }
    expect(await thrownBy(repository.countPages(1))).toBeInstanceOf(DatabaseUnavailableError);
    await close();
    const url = at(`${closedHost},${silentHost}`, 'connect_timeout=1');
    expect(await thrownBy(migrate({ url }))).toBeInstanceOf(DatabaseUnavailableError);
  });

  test('target_session_attrs chooses among them, or fails', async () => {
    for (const attributes of ['any', 'read-write', 'primary', 'prefer-standby']) {
      const url = at(`${closedHost},server`, `target_session_attrs=${attributes}`);
      expect(await read(url)).toBe(0);
    }
    for (const attributes of ['read-only', 'standby']) {
      const error = await thrownBy(read(at('server,server', `target_session_attrs=${attributes}`)));
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
      expect((error as Error).message).toContain(`target_session_attrs=${attributes}`);
    }
    const readOnly = 'target_session_attrs=read-only&default_transaction_read_only=on';
    expect(await read(at('server', readOnly))).toBe(0);
  });
});

test('a server that gives no answer fails after the connect timeout', async () => {
  const error = await thrownBy(read(at(silentHost, 'connect_timeout=1')));
  expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE', cause: { code: 'CONNECT_TIMEOUT' } });
});

test('sslmode=require fails if the server does not offer TLS', async () => {
  const error = await thrownBy(read(at('server', 'sslmode=require')));
  expect(error).toMatchObject({ code: 'DATABASE_UNAVAILABLE', cause: { code: 'TLS_NOT_OFFERED' } });
});

test('closing a database ends a connection that is being made', async () => {
  const { db, close } = await openDatabase(at(silentHost));
  const query = thrownBy(createVectorRepository(db).countPages(1));
  await close();
  expect(await query).toBeInstanceOf(DatabaseUnavailableError);
});

test('a pool of node-postgres that has no free connection is unavailable', async () => {
  const pool = new pg.Pool({ connectionString: url(), max: 1, connectionTimeoutMillis: 50 });
  const held = await pool.connect();
  const repository = createVectorRepository(drizzle({ client: pool }));
  const page = { docId: 1, page: 1, vectorIds: ['a'] };
  for (const work of [
    () => repository.countPages(1),
    () => repository.replaceDocument(1, [page]),
    () => repository.upsertPages([page]),
    () => repository.deleteByDocument(1),
  ]) {
    expect(await thrownBy(work())).toBeInstanceOf(DatabaseUnavailableError);
  }
  held.release();
  await pool.end();
});

describe('the parameters of a URL reach the session', () => {
  test('schema becomes its search_path, and dates are ISO even if the role has another DateStyle', async () => {
    const database = await createServerDatabase();
    const owner = await openDatabase(database.url);
    const role = `colpali_vectors_german_${process.pid}`;
    await execute(
      owner.db,
      'create schema "Prisma.App"',
      `create role ${role} login superuser`,
      `alter role ${role} set datestyle = 'German, DMY'`,
    );
    const prisma = new URL(database.url);
    prisma.username = role;
    prisma.search = '?schema=Prisma.App&connection_limit=1&pgbouncer=true&channel_binding=prefer';
    const { db, close } = await openDatabase(prisma.href);
    try {
      expect(await select(db, 'show search_path')).toEqual([{ search_path: '"Prisma.App"' }]);
      expect(await select(db, 'show datestyle')).toEqual([
        { DateStyle: expect.stringMatching(/^ISO/) },
      ]);
      await migrate({ url: prisma.href });
      const docId = await createDocument(db);
      await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
      await execute(db, `update vectors set recorded_at = '2026-03-05T06:07:08.9Z'`);
      const page = await db.query.vectors.findFirst();
      expect(page?.recordedAt).toEqual(new Date('2026-03-05T06:07:08.9Z'));
      expect(await select(db, 'select from pg_prepared_statements')).toEqual([]);
    } finally {
      await close();
      await execute(owner.db, `drop owned by ${role}`, `drop role ${role}`);
      await owner.close();
      await database.drop();
    }
  });
});
