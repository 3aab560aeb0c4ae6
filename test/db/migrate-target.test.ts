import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { describe, expect, inject, test } from 'vitest';
import {
  type Db,
  InvalidInputError,
  MigrationError,
  type MigrationTarget,
  migrate,
  migrationStatus,
  rollback,
} from '../../src/index.ts';
import { execute, select, useEmptyDatabase } from '../support/database.ts';
import { legacyTables } from '../support/legacy.ts';
import { readJournal, tags } from '../support/migrations.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

const database = useEmptyDatabase();
const functions = [migrate, rollback, migrationStatus] as ((
  target: MigrationTarget,
) => Promise<unknown>)[];

/** Migrates `db`, reads its status and rolls it back. */
async function migrateAndUndo(db: Db): Promise<void> {
  expect(await migrate({ db })).toEqual({
    applied: tags,
    warnings: [expect.stringMatching(/^created an empty table documents/)],
  });
  expect(await migrationStatus({ db })).toMatchObject({ applied: tags, drift: [] });
  await expect(await dumpSchema(db)).toMatchFileSnapshot(schemaFile);
  expect(await rollback({ db, all: true })).toEqual({
    undone: tags.toReversed(),
    warnings: [],
  });
}

describe('migrate, migrationStatus and rollback', () => {
  test('work on a Drizzle database, and leave it open', async () => {
    await migrateAndUndo(database().db);
    expect(await select(database().db, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test.skipIf(inject('driver') === 'pglite')('work on a pool of node-postgres', async () => {
    const client = new Pool({ connectionString: database().url });
    await migrateAndUndo(drizzle({ client }));
    await client.end();
  });

  test('return the warnings of a rollback', async () => {
    const { db } = database();
    await execute(db, ...legacyTables);
    await execute(
      db,
      'insert into documents default values',
      "insert into vectors (doc_id, page, vector_ids) values (1, 1, 'a')",
    );
    expect(await migrate({ db })).toMatchObject({ warnings: [] });
    expect((await rollback({ db, all: true })).warnings).toEqual([
      'pages whose vector ids were dropped: 1; their vectors stay in the vector store',
    ]);
  });

  test('leave the settings of the connection as they were', async () => {
    const { db } = database();
    const settings = () =>
      select(
        db,
        `select current_setting('lock_timeout') as lock, current_setting('statement_timeout') as statement,
          current_setting('search_path') as path`,
      );
    const before = await settings();
    await migrate({ db, lockTimeoutMs: 1234 });
    await rollback({ db, all: true });
    expect(await settings()).toEqual(before);
  });

  test('reject a transaction, and a URL or TLS options beside a database', async () => {
    const { db, url } = database();
    for (const call of functions) {
      await expect(call({ db, url })).rejects.toMatchObject({ path: ['options', 'url'] });
      await expect(call({ db, ssl: true })).rejects.toMatchObject({ path: ['options', 'ssl'] });
      await db.transaction(async (tx) => {
        await expect(call({ db: tx })).rejects.toMatchObject({ path: ['options', 'db'] });
      });
      await expect(call({ db: {} as Db })).rejects.toThrow(InvalidInputError);
    }
  });

  test('reject memory://, because each opening creates another database', async () => {
    for (const call of functions) {
      await expect(call({ url: 'memory://' })).rejects.toMatchObject({
        code: 'INVALID_INPUT',
        path: ['options', 'url'],
        reason: expect.stringContaining('openDatabase() and pass its db'),
      });
    }
  });

  test('keep eight concurrent callers on one database apart', async () => {
    const { db } = database();
    const results = await Promise.all(Array.from({ length: 8 }, () => migrate({ db })));
    expect(results.flatMap(({ applied }) => applied)).toEqual(tags);
    expect(await readJournal(db)).toEqual(tags);
    const undone = await Promise.all(Array.from({ length: 8 }, () => rollback({ db, all: true })));
    expect(undone.flatMap((result) => result.undone)).toEqual(tags.toReversed());
  });
});

describe('a dry run', () => {
  const everything = () =>
    select(
      database().db,
      `select nspname::text as name from pg_namespace where nspname = 'drizzle'
       union all select relname::text from pg_class where relnamespace = 'public'::regnamespace`,
    );

  test('returns the migrations and their SQL, and changes nothing', async () => {
    const {
      applied,
      warnings,
      planned = [],
    } = await migrate({
      ...database().target,
      dryRun: true,
    });
    expect({ applied, warnings }).toEqual({ applied: [], warnings: [] });
    expect(planned.map(({ tag }) => tag)).toEqual(tags);
    expect(planned[0]?.sql).toContain('CREATE TABLE IF NOT EXISTS "vectors"');
    expect(await everything()).toEqual([]);
  });

  test('returns nothing for an up-to-date database, and the rest after a rollback', async () => {
    const { db } = database();
    await migrate({ db });
    expect((await migrate({ db, dryRun: true })).planned).toEqual([]);
    await rollback({ db });
    const { planned = [] } = await migrate({ db, dryRun: true });
    expect(planned.map(({ tag }) => tag)).toEqual(tags.slice(-1));
    expect(await readJournal(db)).toEqual(tags.slice(0, -1));
  });

  test('fails if the real one would fail before its first migration', async () => {
    const { db } = database();
    await migrate({ db });
    await execute(db, 'drop table vectors cascade');
    await expect(migrate({ db, dryRun: true })).rejects.toThrow(MigrationError);
  });
});
