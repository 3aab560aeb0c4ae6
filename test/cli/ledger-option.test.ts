import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { bigint, pgSchema, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createVectorRepository,
  defineLedger,
  installLedger,
  type OpenDatabase,
  openDatabase,
} from '../../src/index.ts';
import { bundled } from '../support/bundled.ts';
import { createTables } from '../support/create-tables.ts';
import { execute, useServerDatabase } from '../support/database.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const url = useServerDatabase();
const folder = useTemporaryFolder();
let database: OpenDatabase;

const app = pgSchema('app');
const files = app.table('files', { id: uuid().primaryKey() });
const scans = pgTable('scans', { id: bigint({ mode: 'bigint' }).primaryKey() });
const books = pgTable('books', { isbn: text().primaryKey() });
const ofFiles = defineLedger({ documents: files.id, schema: app });
const ofScans = defineLedger({ documents: scans.id, name: 'scan_pages' });
const ofBooks = defineLedger({ documents: books.isbn, name: 'book_pages' });
/** Its tables exist, and nothing else. */
const ofDrafts = defineLedger({ documents: books.isbn, name: 'draft_pages' });
const fileId = '1b4e28ba-2fa1-4d1e-883f-0016d3cca427';

beforeAll(async () => {
  database = await openDatabase(url());
  const { db } = database;
  const tables = [ofFiles, ofScans, ofBooks, ofDrafts].flatMap((ledger) => [
    ledger.documents,
    ledger.vectors,
    ledger.vectorOrphans,
  ]);
  await createTables(db, { app, ...tables });
  await execute(
    db,
    `insert into app.files values ('${fileId}')`,
    'insert into scans values (9223372036854775807)',
    "insert into books values ('a b/1')",
  );
  for (const ledger of [ofFiles, ofScans, ofBooks]) {
    await installLedger(db, ledger as never);
  }
  const page = { page: 1, vectorIds: ['a', 'b'] };
  const files = createVectorRepository(db, { ledger: ofFiles });
  await files.upsertPages([
    { docId: fileId, ...page },
    { docId: fileId, page: 2, vectorIds: ['c'], pending: true },
    { docId: fileId, page: 3, vectorIds: ['old'] },
  ]);
  await files.deleteByPage(fileId, 3);
  const docId = 9223372036854775807n;
  await createVectorRepository(db, { ledger: ofScans }).upsertPage({ docId, ...page });
  await createVectorRepository(db, { ledger: ofBooks }).upsertPage({ docId: 'a b/1', ...page });

  writeFileSync(
    join(folder(), 'schema.ts'),
    `import { defineLedger } from '${bundled('schema')}';
     import { bigint, pgSchema, pgTable, text, uuid } from '${bundled('pg-core')}';
     const app = pgSchema('app');
     const files = app.table('files', { id: uuid().primaryKey() });
     const scans = pgTable('scans', { id: bigint({ mode: 'bigint' }).primaryKey() });
     const books = pgTable('books', { isbn: text().primaryKey() });
     export const ofFiles = defineLedger({ documents: files.id, schema: app });
     export const { vectors } = ofFiles;
     export const ofScans = defineLedger({ documents: scans.id, name: 'scan_pages' });
     export const ofBooks = defineLedger({ documents: books.isbn, name: 'book_pages' });
     export const ofDrafts = defineLedger({ documents: books.isbn, name: 'draft_pages' });`,
  );
  writeFileSync(
    join(folder(), 'store.mjs'),
    `export const deleteVectors = async (ids, { docId }) => console.error('deletes', ids, docId);
     export async function* listIds() { yield ['a', 'b', 'c', 'stray']; }
     export const existing = async (ids) => ids;`,
  );
});
afterAll(() => database.close());

/** Runs a command on a ledger of schema.ts, and returns what it printed. */
async function run(name: string, ...args: string[]): Promise<string> {
  const module = join(folder(), `schema.ts#${name}`);
  const result = await runCli([...args, '--ledger', module], { env: { DATABASE_URL: url() } });
  return result.code === 0 ? result.stdout : `${result.code}: ${result.stderr}`;
}

test('commands work on a ledger with uuid keys in another schema', async () => {
  expect(JSON.parse(await run('ofFiles', 'status', '--exit-code', '--json'))).toMatchObject({
    ledger: '"app"."vectors"',
    drift: [],
    pages: 2,
    pendingPages: 1,
    orphans: 1,
  });
  expect(await run('ofFiles', 'show', fileId, '1')).toContain('0  a');
  expect(await run('ofFiles', 'show', fileId.toUpperCase())).toContain(
    '2: colpali-vectors: docId: must be a UUID in lower case with dashes, got one with upper-case letters',
  );
  expect(await run('ofFiles', 'pending', '--document', fileId)).toContain(fileId);
  const store = ['--store', join(folder(), 'store.mjs')];
  expect(await run('ofFiles', 'purge', ...store)).toContain('1 id deleted');
  expect(await run('ofFiles', 'audit', ...store)).toMatch(/untracked {3}1 id/);
  expect(await run('vectors', 'stats')).toContain('app.vectors');
});

test('document ids of 64 bits are read and written without loss', async () => {
  const docId = '9223372036854775807';
  expect(JSON.parse(await run('ofScans', 'locate', 'b', '--json'))).toEqual([
    { vectorId: 'b', docId, page: 1, patch: 1 },
  ]);
  const line = await run('ofScans', 'export', '--document', docId);
  expect(JSON.parse(line)).toEqual({ docId, page: 1, vectorIds: ['a', 'b'] });
  writeFileSync(join(folder(), 'pages.ndjson'), line.replace('"page":1', '"page":7'));
  expect(await run('ofScans', 'import', join(folder(), 'pages.ndjson'))).toBe('1 page recorded\n');
  expect(await run('ofScans', 'show', docId, '7')).toContain('1  b');
});

test('a ledger with text keys is not mixed up with the others of its module', async () => {
  expect(await run('ofBooks', 'show', 'a b/1')).toContain('a');
  expect(await run('ofBooks', 'show', 'other')).toContain('1: colpali-vectors: document');
  expect(await run('', 'status')).toContain('does not export a ledger of this name');
  const several = await runCli(['status', '--ledger', join(folder(), 'schema.ts')], {
    env: { DATABASE_URL: url() },
  });
  expect(several).toMatchObject({ code: 2 });
  expect(several.stderr).toContain('exports several ledgers');
});

test('partition and distribute work on the ledger', async () => {
  expect(await run('ofBooks', 'partition', '--at', 'm')).toContain(
    'create table "public"."book_pages_p1" partition of public.book_pages',
  );
  expect(await run('ofBooks', 'partition', '--at', 'm', 'x', '--apply')).toContain(
    '3 partitions by range (doc_id)',
  );
  expect(await run('ofBooks', 'show', 'a b/1')).toContain('a');
  expect(await run('ofBooks', 'status', '--exit-code')).toContain('3 partitions');
  expect(await run('ofFiles', 'partition', '--at', 'm')).toContain('2: colpali-vectors: at: ');
  expect(await run('ofFiles', 'distribute')).toContain('the database has no extension citus');
});

test('status says once that a ledger is not installed, and lists only what else differs', async () => {
  const { db } = database;
  const drift = async () =>
    (await run('ofDrafts', 'status')).match(/^drift[\s\S]*(?=^stored)/m)?.[0];
  const notInstalled = `drift       
              the ledger's functions and triggers are not installed
                fix: run "colpali-vectors generate" and then your migrations, or installLedger(db, ledger)
`;
  expect(await drift()).toBe(notInstalled);
  await execute(db, 'drop index ix_draft_pages_doc_page');
  expect(await drift()).toMatch(
    /^drift[\s\S]*installLedger\(db, ledger\)\n {14}index ix_draft_pages_doc_page is missing\n {16}fix: CREATE .*\n$/,
  );
  const report = JSON.parse(await run('ofDrafts', 'status', '--json'));
  expect(report).toMatchObject({ installed: false });
  expect(report.drift.length).toBeGreaterThan(20);
  await installLedger(db, ofDrafts as never);
  expect(await drift()).not.toContain('not installed');
});
