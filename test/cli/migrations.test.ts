import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { createVectorRepository, vectorOrphans } from '../../src/index.ts';
import { listMigrations } from '../../src/migrations/files.ts';
import { createDocument, useEmptyDatabase } from '../support/database.ts';
import { loadLegacyDump } from '../support/legacy.ts';
import { runCli } from '../support/run-cli.ts';

const database = useEmptyDatabase();
const run = (...args: string[]) => runCli(args, { env: { DATABASE_URL: database().url } });
const tags = listMigrations().map(({ tag }) => tag);

test('migrate, status and rollback print what they did', async () => {
  expect(await run('migrate')).toEqual({
    code: 0,
    signal: null,
    stdout: tags.map((tag) => `applied ${tag}\n`).join(''),
    stderr: expect.stringMatching(/^warning: created an empty table documents, .*\n$/),
  });
  expect(await run('migrate')).toMatchObject({
    code: 0,
    stdout: 'nothing to apply\n',
  });

  const docId = await createDocument(database().db);
  const repository = createVectorRepository(database().db);
  await repository.upsertPage({ docId, page: 1, vectorIds: ['a'] });
  await repository.upsertPage({ docId, page: 1, vectorIds: ['b'] });
  await repository.upsertPage({ docId, page: 2, vectorIds: ['c'] }, { pending: true });
  const status = await run('status');
  expect(status).toMatchObject({ code: 0, stderr: '' });
  expect(status.stdout).toMatch(
    /^database {4}PostgreSQL \d+\.\d+(?: \(.+\))?, \w+ at [\w.]+:\d+ as \w+\nmigrations {2}3 applied, 0 pending\ndrift {7}none\nstored {6}one table\npages {7}2 pages, 1 pending\norphans {5}1 row waiting for a purge\n$/,
  );

  expect(await run('rollback')).toMatchObject({
    code: 0,
    stdout: `undone ${tags[2]}\n`,
  });
  expect(await run('rollback', '--all')).toEqual({
    code: 0,
    signal: null,
    stdout: `undone ${tags[1]}\nundone ${tags[0]}\n`,
    stderr: [
      'warning: pages that are no longer marked as pending: 1\n',
      'warning: rows that still wait in vector_orphans for a purge: 1; the table stays\n',
      'warning: pages whose vector ids were dropped: 2; their vectors stay in the vector store\n',
    ].join(''),
  });
  expect(await database().db.$count(vectorOrphans)).toBe(1);
});

test('migrate, status and rollback print JSON with --json', async () => {
  const json = async (...args: string[]) => JSON.parse((await run(...args, '--json')).stdout);
  expect(await json('status')).toMatchObject({ applied: [], pending: tags, pages: null });
  expect(await json('migrate')).toEqual({ applied: tags, warnings: [expect.any(String)] });
  expect(await json('migrate', '--dry-run')).toEqual({ applied: [], warnings: [], planned: [] });
  expect(await json('status')).toEqual({
    database: {
      kind: 'postgres',
      version: expect.stringMatching(/^\d+\.\d+/),
      server: new URL(database().url).host,
      database: new URL(database().url).pathname.slice(1),
      user: new URL(database().url).username,
    },
    applied: tags,
    pending: [],
    skipped: [],
    unknown: 0,
    drift: [],
    shape: { kind: 'plain' },
    pages: 0,
    pendingPages: 0,
    orphans: 0,
  });
  expect(await json('rollback', '--to', tags[0] as string)).toEqual({
    undone: tags.slice(1).reverse(),
    warnings: [],
  });
});

test('status lists changes that were not made by migrations', async () => {
  await run('migrate');
  await database().db.execute(sql`drop index ix_vectors_doc_page`);
  await database().db.execute(sql`alter table vectors disable trigger vectors_queue_deleted`);
  await database().db.execute(sql`alter table vectors alter column indexed_at drop default`);
  const { stdout } = await run('status');
  expect(stdout).toContain(`drift       
              column vectors.indexed_at is changed
                expected timestamp with time zone default now()
                found    timestamp with time zone
                fix: make it timestamp with time zone default now(), with alter table "vectors" alter column "indexed_at"
              index ix_vectors_doc_page is missing
                fix: CREATE UNIQUE INDEX ix_vectors_doc_page ON "vectors" USING btree (doc_id, page)
              trigger vectors_queue_deleted is changed
                expected CREATE TRIGGER vectors_queue_deleted AFTER DELETE ON vectors`);
  expect(stdout).toContain(
    '-- disabled\n                fix: alter table "vectors" enable trigger vectors_queue_deleted\n',
  );
});

test('migrate explains how to fix a legacy database that it cannot convert, and then converts it', async () => {
  await loadLegacyDump(database().db, 'mixed');
  expect((await run('status')).stdout).toContain('65 rows in vectors');
  const failed = await run('migrate');
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(failed.stderr).toMatch(
    /^colpali-vectors: Migration 0001_jsonb_ledger failed and changed nothing: cannot convert some of the 65 rows .*\nHint: .*update vectors set page = page \+ 1;\n/,
  );

  await database().db.execute(sql`update vectors set page = page + 1`);
  const stopped = await run('migrate');
  expect(stopped.code).toBe(1);
  expect(stopped.stderr).toContain(
    '2 pages recorded more than once (document 2 page 2: id 10, 11;',
  );
  expect(stopped.stderr).toContain(
    '\n- Keep all ids, in the order of the rows: colpali-vectors migrate',
  );
  expect(await run('migrate', '--duplicates', 'keep-newest')).toMatchObject({
    code: 0,
    stderr:
      'warning: older rows deleted because their page has a newer row: 2; ids that only the older rows had are queued in vector_orphans\n',
  });
});

test('migrate --dry-run prints the SQL that would run, and changes nothing', async () => {
  const { code, stdout, stderr } = await run('migrate', '--dry-run');
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout.match(/^-- migration .*$/gm)).toEqual(tags.map((tag) => `-- migration ${tag}`));
  expect(stdout).toContain('CREATE TABLE IF NOT EXISTS "vectors"');
  expect((await run('status')).stdout).toContain('0 applied, 3 pending');
});

test('status --exit-code exits with 1 if a migration is pending or the schema was changed', async () => {
  expect(await run('status')).toMatchObject({ code: 0 });
  expect(await run('status', '--exit-code')).toMatchObject({
    code: 1,
    stdout: expect.stringContaining('0 applied, 3 pending'),
    stderr: '',
  });
  const hint = 'If you made a ledger with defineLedger, name it: --ledger <module>';
  expect((await run('status')).stdout).toContain(hint);
  await run('migrate');
  expect(await run('status', '--exit-code')).toMatchObject({ code: 0 });
  expect((await run('status')).stdout).not.toContain(hint);
  await database().db.execute(sql`drop index ix_vectors_doc_page`);
  expect(await run('status', '--exit-code', '--json')).toMatchObject({ code: 1, stderr: '' });
});
