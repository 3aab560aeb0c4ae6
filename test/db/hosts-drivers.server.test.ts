/** Whatever driver a host uses and however it has set it up, every function gives the same answers. */
import { sql } from 'drizzle-orm';
import { Cache } from 'drizzle-orm/cache/core';
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres';
import { withReplicas } from 'drizzle-orm/pg-core';
import { drizzle as drizzlePgProxy } from 'drizzle-orm/pg-proxy';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import pg from 'pg';
import postgres, { type Options } from 'postgres';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  InvalidInputError,
  openDatabase,
  purgeOrphans,
} from '../../src/index.ts';
import { createDocument, createServerDatabase, useServerDatabase } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { sweep } from '../support/sweep.ts';

const url = useServerDatabase();
let expected: Record<string, unknown>;
let closing: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  const { db, close } = await openDatabase(url());
  expected = await sweep(db);
  await close();
});
afterEach(async () => {
  await Promise.all(closing.map((close) => close()));
  closing = [];
});

function onPostgresJs(options: Options<Record<string, never>> = {}, at = url()): Db {
  const client = postgres(at, { onnotice: () => {}, ...options });
  closing.push(() => client.end());
  return drizzlePostgresJs({ client });
}

function onNodePostgres(at = url(), cache?: Cache): Db {
  const client = new pg.Pool({ connectionString: at });
  closing.push(() => client.end());
  return drizzleNodePostgres({ client, ...(cache === undefined ? {} : { cache }) });
}

/** Fails after PostgreSQL has sent two rows. */
const failAfterTwoRows = (db: Db) => async () => {
  const failing = db.execute(sql`select 1 / (3 - i) from generate_series(1, 5) as i`);
  await expect(failing).rejects.toThrow();
};

test('the answers are not empty', () => {
  expect(expected).toMatchObject({
    findByPage: { page: 1, grid: { cols: 5 }, namespace: 'tenant' },
    countPages: 8,
    auditVectors: { untracked: { queued: 1 }, missing: { vectors: 0 } },
    purgeOrphans: { remaining: 0 },
  });
});

describe('every function gives the same answers', () => {
  test('on the connection where a statement has failed in the middle of its rows', async () => {
    const db = onPostgresJs({ max: 1 });
    expect(await sweep(db, failAfterTwoRows(db))).toEqual(expected);
    const other = onNodePostgres();
    expect(await sweep(other, failAfterTwoRows(other))).toEqual(expected);
  });

  test.each<[string, Options<Record<string, never>>]>([
    ['fetch_types: false', { fetch_types: false }],
    ['prepare: false', { prepare: false }],
    ['transform: postgres.camel', { transform: postgres.camel }],
    ['transform: postgres.pascal', { transform: postgres.pascal }],
    ['transform: postgres.kebab', { transform: postgres.kebab }],
  ])('with postgres.js and %s', async (_, options) => {
    expect(await sweep(onPostgresJs(options as Options<Record<string, never>>))).toEqual(expected);
  });

  test('with node-postgres and JSON parsers that return text', async () => {
    const types = [pg.types.builtins.JSON, pg.types.builtins.JSONB];
    const parsers = types.map((type) => pg.types.getTypeParser(type));
    for (const type of types) pg.types.setTypeParser(type, (text) => text);
    try {
      expect(await sweep(onNodePostgres())).toEqual(expected);
    } finally {
      types.forEach((type, index) => {
        pg.types.setTypeParser(type, parsers[index] as (text: string) => unknown);
      });
    }
  });

  test('without prepared statements', async () => {
    expect(await sweep(onPostgresJs(), undefined, { prepare: false })).toEqual(expected);
    expect(await sweep(onNodePostgres(), undefined, { prepare: false })).toEqual(expected);
  });

  test('with Drizzle’s query cache', async () => {
    expect(await sweep(onNodePostgres(url(), new MemoryCache()))).toEqual(expected);
  });

  test('with read replicas, which may not have the pages yet', async () => {
    const replica = await createServerDatabase();
    closing.push(replica.drop);
    const db = withReplicas(onPostgresJs() as Parameters<typeof withReplicas>[0], [
      onPostgresJs({}, replica.url) as Parameters<typeof withReplicas>[0],
    ]);
    // The tests read the tables themselves through the primary.
    const { vectors: _, ...answers } = await sweep(db.$primary as Db);
    expect(answers).toEqual(expected);
    const docId = await createDocument(db.$primary as Db);
    const repository = createVectorRepository(db as Db);
    await repository.upsertPage({ docId, page: 1, vectorIds: ['a'] });
    expect(await repository.findByPage(docId, 1)).toMatchObject({ vectorIds: ['a'] });
    expect(await repository.countPages(docId)).toBe(1);
    expect(await repository.locate(['a'])).toMatchObject([{ docId }]);
    await repository.deleteByDocument(docId);
    const purged = await purgeOrphans(db as Db, new MemoryStore().deleteVectors);
    expect(purged).toMatchObject({ deleted: 1, remaining: 0 });
  });

  test.each(['German', 'SQL', 'Postgres'])('with DateStyle %s', async (DateStyle) => {
    const at = urlWith(url(), { settings: { DateStyle } });
    for (const db of [onPostgresJs({}, at), onNodePostgres(at)]) {
      expect(await sweep(db)).toEqual(expected);
      const docId = await createDocument(db);
      const repository = createVectorRepository(db);
      await repository.upsertPage({ docId, page: 1, vectorIds: [] });
      await db.execute(
        sql`update vectors set recorded_at = '2026-03-05T06:07:08.9Z', indexed_at = '2026-03-05T06:07:08.9Z'`,
      );
      expect(await repository.findByPage(docId, 1)).toMatchObject({
        recordedAt: new Date('2026-03-05T06:07:08.9Z'),
        indexedAt: new Date('2026-03-05T06:07:08.9Z'),
      });
      await repository.deleteByDocument(docId);
    }
  });
});

describe('a driver without transactions', () => {
  test('reads, and rejects a call that needs a transaction', async () => {
    const client = postgres(url(), { max: 1 });
    closing.push(() => client.end());
    const db = drizzlePgProxy(async (query, params, method) => {
      const statement = client.unsafe(query, params);
      return { rows: method === 'all' ? [...(await statement.values())] : [...(await statement)] };
    });
    const docId = await createDocument(onPostgresJs());
    const repository = createVectorRepository(db);
    await repository.upsertPage({ docId, page: 1, vectorIds: ['a'] });
    expect(await repository.findByPage(docId, 1)).toMatchObject({ vectorIds: ['a'] });
    for (const work of [
      () => repository.deleteByDocument(docId),
      () => repository.upsertPages([{ docId, page: 2, vectorIds: ['b'] }]),
      () => purgeOrphans(db, new MemoryStore().deleteVectors),
    ]) {
      const error = await work().catch((thrown: unknown) => thrown);
      if (error instanceof InvalidInputError) expect(error.path).toEqual(['db']);
      else expect(error).toMatchObject({ remaining: 0 });
    }
    await createVectorRepository(onPostgresJs()).deleteByDocument(docId);
  });
});

/** A cache of all reads, as a host may set it up. */
class MemoryCache extends Cache {
  private readonly results = new Map<string, unknown[]>();

  override strategy() {
    return 'all' as const;
  }
  override async get(key: string) {
    return this.results.get(key) as never;
  }
  override async put(key: string, response: unknown) {
    this.results.set(key, response as unknown[]);
  }
  override async onMutate() {
    // A cache that other processes do not clear is stale in the same way.
  }
}
