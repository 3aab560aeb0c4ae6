import { randomBytes } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/database.ts';
import {
  createVectorRepository,
  MigrationError,
  migrate,
  openDatabase,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, useEmptyDatabase } from '../support/database.ts';

/** What the ledger meets in a host's database: other schemas, other roles, others at the same pages. */
const database = useEmptyDatabase();

/** The database as another role, or with another search_path. */
function urlWith({ user, searchPath }: { user?: string; searchPath?: string }): string {
  const other = new URL(database().url);
  if (user !== undefined) {
    other.username = user;
    other.password = user;
  }
  if (searchPath !== undefined) other.searchParams.set('options', `-csearch_path=${searchPath}`);
  return other.href;
}

async function execute(...statements: string[]): Promise<void> {
  for (const statement of statements) await database().db.execute(sql.raw(statement));
}

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
      `create role ${role} login password '${role}'`,
      `grant select on documents to ${role}`,
      `grant select, insert, update, delete on vectors to ${role}`,
      `grant usage on sequence vectors_id_seq to ${role}`,
      `grant usage on schema drizzle to ${role}`,
      `grant select on all tables in schema drizzle to ${role}`,
    );
    const app = await openDatabase(urlWith({ user: role }));
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
      expect(await migrate({ url: urlWith({ user: role }) })).toEqual({
        applied: [],
        warnings: [],
      });
    } finally {
      await app.close();
      await execute(`drop owned by ${role}`, `drop role ${role}`);
    }
  });
});

describe('schemas', () => {
  test('the ledger lies in the first schema of the search_path, and works from any', async () => {
    await execute('create schema app');
    const inApp = urlWith({ searchPath: 'app' });
    await migrate({ url: inApp });
    const app = await openDatabase(inApp);
    const docId = await createDocument(app.db);
    await createVectorRepository(app.db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await app.close();
    // By its full name, from a session that does not see the schema: the trigger still finds its table.
    await execute('delete from app.documents');
    expect(rowsOf(await database().db.execute(sql`select from app.vector_orphans`))).toHaveLength(
      1,
    );
  });

  test('the host’s documents are found wherever the search_path leads', async () => {
    await execute(
      'create table documents (id serial primary key, title text)',
      'create schema app',
    );
    await migrate({ url: urlWith({ searchPath: 'app,public' }) });
    const referenced = await database().db.execute(sql`
      select confrelid::regclass::text as name from pg_constraint where conname = 'vectors_doc_id_fkey'`);
    expect(rowsOf(referenced)).toEqual([{ name: 'documents' }]);
  });

  test('a second one in the same database is refused', async () => {
    await execute('create schema a', 'create schema b');
    await migrate({ url: urlWith({ searchPath: 'a' }) });
    await expect(migrate({ url: urlWith({ searchPath: 'b' }) })).rejects.toThrow(MigrationError);
  });

  test('documents with another kind of id are refused with what is needed', async () => {
    await execute('create table documents (id uuid primary key)');
    await expect(migrate(database())).rejects.toMatchObject({
      tag: '0000_create_vectors',
      hint: 'The ledger refers to documents by documents (id), an integer.',
    });
  });
});
