import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
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
import { createDocument, execute, useEmptyDatabase } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { legacyTables } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

/** What the ledger meets in a host's database: other schemas, other roles, others at the same pages. */
const database = useEmptyDatabase();

describe('the URL says how many connections are opened', () => {
  test.each([
    ['?max=3', 3],
    ['', 10],
  ])('%s', async (parameters, connections) => {
    const { db, close } = await openDatabase(`${database().url}${parameters}`);
    const backends = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const [backend] = rowsOf<{ pid: number }>(
          await db.execute(sql`select pg_backend_pid() as pid, pg_sleep(0.05)`),
        );
        return backend?.pid;
      }),
    );
    await close();
    expect(new Set(backends).size).toBe(connections);
  });
});

describe('writers of the same document', () => {
  test('all come through, whatever they do at once', async () => {
    await migrate(database());
    const docId = await createDocument(database().db);
    const ledger = createVectorRepository(database().db);
    const pages = (count: number, tag: string) =>
      Array.from({ length: count }, (_, index) => ({
        docId,
        page: index + 1,
        vectorIds: [`${tag}${index}`],
      }));
    const work: (() => Promise<unknown>)[] = [];
    for (let round = 0; round < 12; round += 1) {
      work.push(
        () => ledger.upsertPages(pages(300, `a${round}-`), { pending: true }),
        () => ledger.replaceDocument(docId, pages(150, `b${round}-`)),
        () => ledger.markIndexed(pages(300, '').map(({ page }) => ({ docId, page }))),
        () => ledger.deleteByDocument(docId),
      );
    }
    const results = await Promise.allSettled(work.map((run) => run()));
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([]);
  });

  test('replacements follow one another', async () => {
    await migrate(database());
    const docId = await createDocument(database().db);
    const ledger = createVectorRepository(database().db);
    const sets = [1, 2, 3, 4].map((first) =>
      [0, 4, 8].map((step) => ({ page: first + step, vectorIds: ['x'] })),
    );
    await Promise.all(sets.map((pages) => ledger.replaceDocument(docId, pages)));
    // One of the four, never a mixture.
    const left = (await ledger.findByDocument(docId)).map(({ page }) => page);
    expect(sets.map((pages) => pages.map(({ page }) => page))).toContainEqual(left);
  });
});

describe('a role with rights on documents and vectors alone', () => {
  const role = `colpali_vectors_app_${randomBytes(4).toString('hex')}`;

  test('records and deletes pages, and what it deletes is queued', async () => {
    await migrate(database());
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
      const ledger = createVectorRepository(app.db);
      await ledger.upsertPage({ docId, page: 1, vectorIds: ['a'] });
      await ledger.upsertPage({ docId, page: 1, vectorIds: ['b'] });
      await ledger.deleteByDocument(docId);
      expect(await database().db.$count(vectorOrphans)).toBe(2);
      // A temporary table of the same name does not take the orphans' place.
      await app.db.transaction(async (tx) => {
        await tx.execute(sql`create temporary table vector_orphans (like vectors)`);
        await createVectorRepository(tx).upsertPage({ docId, page: 2, vectorIds: ['c'] });
        await createVectorRepository(tx).deleteByPage(docId, 2);
      });
      expect(await database().db.$count(vectorOrphans)).toBe(3);
      // With nothing left to do, migrating needs no more rights than to see that.
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

describe('schemas', () => {
  test('the ledger lies in the first schema of the search_path, and works from any', async () => {
    await execute(database().db, 'create schema app');
    const inApp = urlWith(database().url, { settings: { search_path: 'app' } });
    await migrate({ url: inApp });
    const app = await openDatabase(inApp);
    const docId = await createDocument(app.db);
    await createVectorRepository(app.db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await app.close();
    // By its full name, from a session that does not see the schema: the trigger still finds its table.
    await execute(database().db, 'delete from app.documents');
    expect(rowsOf(await database().db.execute(sql`select from app.vector_orphans`))).toHaveLength(
      1,
    );
  });

  test('the host’s documents are found wherever the search_path leads', async () => {
    await execute(
      database().db,
      'create table documents (id serial primary key, title text)',
      'create schema app',
    );
    await migrate({ url: urlWith(database().url, { settings: { search_path: 'app,public' } }) });
    const referenced = await database().db.execute(sql`
      select confrelid::regclass::text as name from pg_constraint where conname = 'vectors_doc_id_fkey'`);
    expect(rowsOf(referenced)).toEqual([{ name: 'documents' }]);
  });

  // The names of some are words that the ledger's view has as well.
  test.each(['app', 'v', 's', 'vectors', 'Host.Schema'])(
    'tables that Alembic made in the schema %s are taken over there',
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
        expect((await migrate({ url })).warnings).toHaveLength(1);
        await expect(await dumpSchema(there.db)).toMatchFileSnapshot(schemaFile);
        expect((await migrationStatus({ url })).drift).toEqual([]);
        expect(await createVectorRepository(there.db).findByPage(docId, 1)).toMatchObject({
          vectorIds: ['new'],
        });
        expect(await there.db.select().from(vectorOrphans)).toMatchObject([{ vectorIds: ['old'] }]);

        // Nothing was made anywhere else.
        const elsewhere = await database().db.execute(
          sql`select to_regclass('vectors')::text as found`,
        );
        expect(rowsOf(elsewhere)).toEqual([{ found: null }]);
        expect((await rollback({ url, all: true })).undone).toHaveLength(3);
        expect(await there.db.$count(documents)).toBe(1);
      } finally {
        await there.close();
      }
    },
  );

  test('whoever looks at another schema can neither migrate nor roll back', async () => {
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

  test('documents with another kind of id are refused with what is needed', async () => {
    await execute(database().db, 'create table documents (id uuid primary key)');
    await expect(migrate(database())).rejects.toMatchObject({
      tag: '0000_create_vectors',
      hint: 'The ledger needs a table documents with an integer column id.',
    });
  });
});
