import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  documents,
  MigrationError,
  migrate,
  migrationStatus,
  openDatabase,
  rollback,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, execute, select, useEmptyDatabase } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { legacyTables } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

/** The ledger in a host's database: with other schemas, other roles and other writers. */
const database = useEmptyDatabase();

describe('openDatabase opens', () => {
  test.each([
    ['3 connections if the URL says max=3', '?max=3', 3],
    ['10 connections by default', '', 10],
  ])('%s', async (_, parameters, connections) => {
    const { db, close } = await openDatabase(`${database().url}${parameters}`);
    const backends = await Promise.all(
      Array.from({ length: 20 }, () =>
        select<{ pid: number }>(db, 'select pg_backend_pid() as pid, pg_sleep(0.05)'),
      ),
    );
    await close();
    expect(new Set(backends.flat().map(({ pid }) => pid)).size).toBe(connections);
  });
});

describe('concurrent writers of a document', () => {
  test('all succeed', async () => {
    await migrate(database().target);
    const docId = await createDocument(database().db);
    const repository = createVectorRepository(database().db);
    const pages = (count: number, tag: string) =>
      Array.from({ length: count }, (_, index) => ({
        docId,
        page: index + 1,
        vectorIds: [`${tag}${index}`],
      }));
    const work: (() => Promise<unknown>)[] = [];
    for (let round = 0; round < 12; round += 1) {
      work.push(
        () => repository.upsertPages(pages(300, `a${round}-`), { pending: true }),
        () => repository.replaceDocument(docId, pages(150, `b${round}-`)),
        async () => repository.markIndexed(await repository.findPending({ docId })),
        () => repository.deleteByDocument(docId),
      );
    }
    const results = await Promise.allSettled(work.map((run) => run()));
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  test('replace it one after another', async () => {
    await migrate(database().target);
    const docId = await createDocument(database().db);
    const repository = createVectorRepository(database().db);
    const sets = [1, 2, 3, 4].map((first) =>
      [0, 4, 8].map((step) => ({ page: first + step, vectorIds: ['x'] })),
    );
    await Promise.all(sets.map((pages) => repository.replaceDocument(docId, pages)));
    // The result is one of the four replacements, never a mixture.
    const left = (await repository.findByDocument(docId)).map(({ page }) => page);
    expect(sets.map((pages) => pages.map(({ page }) => page))).toContainEqual(left);
  });
});

describe('a role with privileges on documents and vectors only', () => {
  const role = `colpali_vectors_app_${randomBytes(4).toString('hex')}`;

  test('can record and delete pages, and the ids it deletes are queued', async () => {
    await migrate(database().target);
    const docId = await createDocument(database().db);
    await execute(
      database().db,
      `create role ${role} login password '${role}'`,
      `grant select on documents to ${role}`,
      `grant select, insert, update, delete on vectors to ${role}`,
      `grant usage on sequence vectors_id_seq to ${role}`,
      `grant usage on schema drizzle to ${role}`,
      `grant select on all tables in schema drizzle to ${role}`,
    );
    const app = await openDatabase(urlWith(database().url, { user: role }));
    try {
      const repository = createVectorRepository(app.db);
      await repository.upsertPage({ docId, page: 1, vectorIds: ['a'] });
      await repository.upsertPage({ docId, page: 1, vectorIds: ['b'] });
      await repository.deleteByDocument(docId);
      expect(await database().db.$count(vectorOrphans)).toBe(2);
      // A temporary table of the same name does not receive the orphans.
      await app.db.transaction(async (tx) => {
        await tx.execute(sql`create temporary table vector_orphans (like vectors)`);
        await createVectorRepository(tx).upsertPage({ docId, page: 2, vectorIds: ['c'] });
        await createVectorRepository(tx).deleteByPage(docId, 2);
      });
      expect(await database().db.$count(vectorOrphans)).toBe(3);
      // Migrating an up-to-date database requires no further privileges.
      expect(await migrate({ url: urlWith(database().url, { user: role }) })).toEqual({
        applied: [],
        warnings: [],
      });
    } finally {
      await app.close();
      await execute(database().db, `drop owned by ${role}`, `drop role ${role}`);
    }
  });
});

test('a role that owns the schema drizzle can migrate without rights on the database', async () => {
  const role = `colpali_vectors_owner_${randomBytes(4).toString('hex')}`;
  await execute(
    database().db,
    `create role ${role} login password '${role}'`,
    `create schema drizzle authorization ${role}`,
    `grant usage, create on schema public to ${role}`,
  );
  try {
    const url = urlWith(database().url, { user: role });
    expect((await migrate({ url })).applied).toHaveLength(3);
    expect((await rollback({ url, all: true })).undone).toHaveLength(3);
    expect((await migrate({ url })).applied).toHaveLength(3);
  } finally {
    await execute(database().db, `drop owned by ${role} cascade`, `drop role ${role}`);
  }
});

describe('with a search_path', () => {
  test('the ledger is created in its first schema and its triggers work from any schema', async () => {
    await execute(database().db, 'create schema app');
    const inApp = urlWith(database().url, { settings: { search_path: 'app' } });
    await migrate({ url: inApp });
    const app = await openDatabase(inApp);
    const docId = await createDocument(app.db);
    await createVectorRepository(app.db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await app.close();
    // This session does not have the schema in its search_path, yet the trigger finds its table.
    await execute(database().db, 'delete from app.documents');
    expect(await select(database().db, 'select from app.vector_orphans')).toHaveLength(1);
  });

  test('that does not lead to the host’s documents, migrate warns that it created a table', async () => {
    await execute(
      database().db,
      'create schema app',
      'create table app.documents (id serial primary key)',
    );
    const { warnings } = await migrate(database().target);
    expect(warnings).toEqual([
      'created an empty table documents, because the search_path finds none, although there is app.documents; ' +
        'if your documents are elsewhere, run rollback --all, drop this table, and add their schema to the search_path',
    ]);
  });

  test('the ledger refers to the host’s documents in a later schema', async () => {
    await execute(
      database().db,
      'create table documents (id serial primary key, title text)',
      'create schema app',
    );
    await migrate({ url: urlWith(database().url, { settings: { search_path: 'app,public' } }) });
    const referenced = await select(
      database().db,
      `select confrelid::regclass::text as name from pg_constraint where conname = 'vectors_doc_id_fkey'`,
    );
    expect(referenced).toEqual([{ name: 'documents' }]);
  });

  // Some of these names also occur in the definition of the ledger's view.
  test.each(['app', 'v', 's', 'vectors', 'Host.Schema'])(
    'tables that Alembic created in the schema %s are migrated in place',
    async (schema) => {
      await execute(database().db, `create schema "${schema}"`);
      const url = urlWith(database().url, { settings: { search_path: `"${schema}",public` } });
      const there = await openDatabase(url);
      try {
        await execute(there.db, ...legacyTables);
        const docId = await createDocument(there.db);
        await execute(
          there.db,
          `insert into vectors (doc_id, page, vector_ids) values (${docId}, 1, 'old'), (${docId}, 1, 'new')`,
        );
        expect((await migrate({ url, duplicates: 'keep-newest' })).warnings).toHaveLength(1);
        await expect(await dumpSchema(there.db)).toMatchFileSnapshot(schemaFile);
        expect((await migrationStatus({ url })).drift).toEqual([]);
        expect(await createVectorRepository(there.db).findByPage(docId, 1)).toMatchObject({
          vectorIds: ['new'],
        });
        expect(await there.db.select().from(vectorOrphans)).toMatchObject([{ vectorIds: ['old'] }]);

        // No other schema has the tables.
        expect(await select(database().db, "select to_regclass('vectors')::text as found")).toEqual(
          [{ found: null }],
        );
        expect((await rollback({ url, all: true })).undone).toHaveLength(3);
        expect(await there.db.$count(documents)).toBe(1);
      } finally {
        await there.close();
      }
    },
  );

  test('that does not lead to the ledger, neither migrate nor rollback changes anything', async () => {
    await execute(database().db, 'create schema app', 'create schema other');
    const inApp = urlWith(database().url, { settings: { search_path: 'app' } });
    const inOther = urlWith(database().url, { settings: { search_path: 'other' } });
    await migrate({ url: inApp });
    const before = await migrationStatus({ url: inApp });
    await expect(migrate({ url: inOther })).rejects.toThrow(MigrationError);
    for (const how of [{}, { all: true }, { to: '0001_jsonb_ledger' }]) {
      await expect(rollback({ url: inOther, ...how })).rejects.toThrow(/search_path/);
    }
    expect(await migrationStatus({ url: inApp })).toEqual(before);
    expect(before).toMatchObject({ pending: [], drift: [] });
  });
});

test('migrate rejects a documents table whose id is not an integer, and says what it needs', async () => {
  await execute(database().db, 'create table documents (id uuid primary key)');
  await expect(migrate(database().target)).rejects.toMatchObject({
    tag: '0000_20250524_vectors',
    hint: 'The ledger needs a table documents whose column id is an integer.',
  });
});
