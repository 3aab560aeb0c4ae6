import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePGlite } from 'drizzle-orm/pglite';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import { Pool } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, inject } from 'vitest';
import { type Db, documents, type OpenDatabase, openDatabase } from '../../src/index.ts';
import { databaseUrl } from './database-url.ts';

/** What a database test runs on; each is a project in vitest.config.ts. */
export type Driver = 'pglite' | 'postgres.js' | 'node-postgres';

declare module 'vitest' {
  interface ProvidedContext {
    driver: Driver;
    /** How many runs the fault tests make. */
    faults: 'few' | 'full';
  }
}

export interface TestDatabase {
  db: Db;
  close(): Promise<void>;
}

/**
 * A migrated database of this test file's own, on the driver of the project that runs it.
 *
 * @returns A function that gives the database, from `beforeAll` on.
 */
export function useTestDatabase(): () => Db {
  let open: TestDatabase;
  beforeAll(async () => {
    open = await openTestDatabase(inject('driver'));
  });
  afterAll(() => open.close());
  return () => open.db;
}

/** A migrated database of this test file's own on the server, by its URL, for as many connections as needed. */
export function useServerDatabase(): () => string {
  let database: { url: string; drop: () => Promise<void> };
  beforeAll(async () => {
    database = await createServerDatabase(inject('templateDatabase'));
  });
  afterAll(() => database.drop());
  return () => database.url;
}

async function openTestDatabase(driver: Driver): Promise<TestDatabase> {
  if (driver === 'pglite') {
    const loadDataDir = new Blob([readFileSync(inject('templateFile'))]);
    const client = await PGlite.create({ loadDataDir });
    return { db: drizzlePGlite({ client }), close: () => client.close() };
  }
  const { url, drop } = await createServerDatabase(inject('templateDatabase'));
  if (driver === 'postgres.js') {
    const client = postgres(url, { onnotice: () => {} });
    return {
      db: drizzlePostgresJs({ client }),
      close: async () => {
        await client.end();
        await drop();
      },
    };
  }
  const client = new Pool({ connectionString: url });
  return {
    db: drizzleNodePostgres({ client }),
    close: async () => {
      await client.end();
      await drop();
    },
  };
}

/** A new database on the test server: empty, or a clone of `template`. */
export async function createServerDatabase(
  template = 'template0',
): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = `colpali_vectors_test_${randomBytes(6).toString('hex')}`;
  const serverUrl = inject('serverUrl');
  const administer = async (statement: string) => {
    const client = postgres(serverUrl, { max: 1, onnotice: () => {} });
    await client.unsafe(statement);
    await client.end();
  };
  await administer(`create database ${name} template ${template}`);
  return {
    url: databaseUrl(serverUrl, name),
    drop: () => administer(`drop database ${name} with (force)`),
  };
}

/** An empty database of the project's kind, by its URL. */
export async function createDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  if (inject('driver') !== 'pglite') return createServerDatabase();
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  return {
    url: join(folder, 'database'),
    drop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

/**
 * An empty database for each test, of the project's kind, opened without having been migrated.
 *
 * One for the file, emptied before each test: a new PGlite takes three seconds to start.
 *
 * @returns A function that gives it and its URL, from `beforeEach` on.
 */
export function useEmptyDatabase(): () => { url: string; db: OpenDatabase['db'] } {
  let created: Awaited<ReturnType<typeof createDatabase>>;
  let opened: OpenDatabase;
  beforeAll(async () => {
    created = await createDatabase();
    opened = await openDatabase(created.url);
  });
  beforeEach(() => dropEverything(opened.db));
  afterAll(async () => {
    await opened.close();
    await created.drop();
  });
  return () => ({ url: created.url, db: opened.db });
}

/** Leaves the schema `public`, with nothing in it. */
async function dropEverything(db: Db): Promise<void> {
  await db.execute(sql`
    do $$
    declare
      name text;
    begin
      for name in
        select nspname from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'
      loop
        execute format('drop schema %I cascade', name);
      end loop;
      create schema public;
      grant usage on schema public to public;
    end $$`);
}

/** Runs statements as they stand, one after another: PGlite and postgres.js take one at a time. */
export async function execute(db: Db, ...statements: string[]): Promise<void> {
  for (const statement of statements) await db.execute(sql.raw(statement));
}

/** A new document, as its host application would make one. Returns its id. */
export async function createDocument(db: Db): Promise<number> {
  const [document] = await db.insert(documents).values({}).returning();
  if (document === undefined) throw new Error('the document was not made');
  return document.id;
}
