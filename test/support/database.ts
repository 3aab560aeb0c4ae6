import { randomBytes } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { sql } from 'drizzle-orm';
import { drizzle as drizzleNodePostgres } from 'drizzle-orm/node-postgres';
import { drizzle as drizzlePGlite } from 'drizzle-orm/pglite';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import { Pool } from 'pg';
import postgres from 'postgres';
import { afterAll, beforeAll, beforeEach, expect, inject } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  type Db,
  documents,
  type OpenDatabase,
  openDatabase,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { type ClusterTemplates, cloneOnNodes, dropOnNodes } from './citus.ts';
import { databaseUrl } from './database-url.ts';

/** The driver of a database test; vitest.config.ts has a project for each. */
export type Driver = 'pglite' | 'postgres.js' | 'node-postgres';

/** How the ledger of a database test is stored. */
export type Shape = 'plain' | 'partitioned' | 'distributed';

/** How many runs the fault tests do. */
export type Faults = 'few' | 'full';

declare module 'vitest' {
  interface ProvidedContext {
    driver: Driver;
    /** How the ledgers of the project are stored. */
    shape: Shape;
    faults: Faults;
  }
}

export interface TestDatabase {
  db: Db;
  close(): Promise<void>;
}

/**
 * Creates a migrated database for this test file, on the driver of the project that runs it.
 *
 * @returns A function that returns the database; call it in hooks and tests.
 */
export function useTestDatabase(): () => Db {
  let open: TestDatabase;
  beforeAll(async () => {
    open = await openTestDatabase(inject('driver'));
  });
  afterAll(() => open.close());
  return () => open.db;
}

/** Creates a migrated database on the server for this test file, and returns a function that returns its URL. */
export function useServerDatabase(): () => string {
  let database: { url: string; drop: () => Promise<void> };
  beforeAll(async () => {
    database = await createMigratedDatabase();
  });
  afterAll(() => database.drop());
  return () => database.url;
}

async function openTestDatabase(driver: Driver): Promise<TestDatabase> {
  if (driver === 'pglite') return openMigratedPGlite();
  const { url, drop } = await createMigratedDatabase();
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

/** Creates a migrated database on PGlite. */
export async function openMigratedPGlite(): Promise<TestDatabase> {
  const { url, drop } = copyPGlite('migratedPGlite');
  const client = await PGlite.create(url);
  return {
    db: drizzlePGlite({ client }),
    close: async () => {
      await client.close();
      await drop();
    },
  };
}

/** Creates a migrated database of the project's shape. */
function createMigratedDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  const shape = inject('shape');
  if (shape === 'distributed') return createClusterDatabase('distributed');
  const isPartitioned = shape === 'partitioned';
  return createServerDatabase(inject(isPartitioned ? 'partitionedTemplate' : 'templateDatabase'));
}

/** Creates a database on the Citus cluster, with a migrated ledger that is distributed or not yet. */
export async function createClusterDatabase(
  template: keyof ClusterTemplates,
): Promise<{ url: string; drop: () => Promise<void> }> {
  const cluster = inject('cluster');
  if (cluster === null) throw new Error('TEST_CITUS_URL is not set');
  const name = randomDatabaseName();
  await cloneOnNodes(cluster.url, name, cluster.templates[template]);
  return {
    url: databaseUrl(cluster.url, name),
    drop: () => dropOnNodes(cluster.url, name),
  };
}

function randomDatabaseName(): string {
  return `colpali_vectors_test_${randomBytes(6).toString('hex')}`;
}

/** Creates a database on the test server: empty, or a clone of `template`. */
export async function createServerDatabase(
  template = 'template0',
): Promise<{ url: string; drop: () => Promise<void> }> {
  const name = randomDatabaseName();
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

/** Creates an empty database, on the server or as a PGlite directory. */
export async function createDatabase(): Promise<{ url: string; drop: () => Promise<void> }> {
  return inject('driver') === 'pglite' ? copyPGlite('emptyPGlite') : createServerDatabase();
}

/** Copies the directory of a PGlite, which takes a tenth of the time that PGlite needs to create one. */
export function copyPGlite(template: 'emptyPGlite' | 'migratedPGlite'): {
  url: string;
  drop: () => Promise<void>;
} {
  const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  const url = join(folder, 'database');
  cpSync(inject(template), url, { recursive: true });
  return { url, drop: async () => rmSync(folder, { recursive: true, force: true }) };
}

/**
 * Gives each test an empty database that has not been migrated, on the server or in PGlite.
 *
 * All tests of a file share one database, which is emptied before each test: starting PGlite is slow.
 *
 * @returns A function that returns the database and its URL, also as the argument of `migrate`; call it in tests.
 */
export function useEmptyDatabase(): () => {
  url: string;
  db: OpenDatabase['db'];
  target: { url: string };
} {
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
  return () => ({ url: created.url, db: opened.db, target: { url: created.url } });
}

/** Drops every schema and creates an empty `public`. */
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

/** Runs the statements one after another: PGlite and postgres.js accept one per call. */
export async function execute(db: Db, ...statements: string[]): Promise<void> {
  for (const statement of statements) await db.execute(sql.raw(statement));
}

/** Returns the rows of a query. */
export async function select<Row = unknown>(db: Db, query: string): Promise<Row[]> {
  return rowsOf<Row>(await db.execute(sql.raw(query)));
}

/** Runs `work` in a transaction and rolls it back. */
export async function inRolledBackTransaction(
  db: Db,
  work: (tx: Db) => Promise<unknown>,
): Promise<void> {
  const undo = new Error('undo');
  const transaction = db.transaction(async (tx) => {
    await work(tx);
    throw undo;
  });
  await expect(transaction).rejects.toBe(undo);
}

/** Creates a document, as its host application would. Returns its id. */
export async function createDocument(db: Db): Promise<number> {
  const [document] = await db.insert(documents).values({}).returning();
  if (document === undefined) throw new Error('the document was not created');
  return document.id;
}

/** Inserts a page whose `vector_ids` are exactly this JSON, which the repository might write differently. */
export async function insertStoredPage(
  db: Db,
  docId: number,
  page: number,
  json: string,
): Promise<void> {
  await db.execute(sql`
    insert into ${vectors} (doc_id, page, vector_ids)
    values (${docId}, ${page}, ${json}::text::jsonb)`);
}

/** Deletes all pages and all orphans. */
export async function emptyLedger(db: Db): Promise<void> {
  await db.delete(vectors);
  await db.delete(vectorOrphans);
}

/** Makes every queued row due, as if its waiting time had passed. */
export async function makeDue(db: Db): Promise<void> {
  await db.update(vectorOrphans).set({ dueAt: sql`now()` });
}
