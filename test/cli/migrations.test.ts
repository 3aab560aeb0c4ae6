import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createVectorRepository, vectorOrphans } from '../../src/index.ts';
import { listMigrations } from '../../src/migrations/files.ts';
import { createDocument, useEmptyDatabase } from '../support/database.ts';
import { loadLegacyDump } from '../support/legacy.ts';
import { runCli } from '../support/run-cli.ts';

const database = useEmptyDatabase();
const env = () => ({ DATABASE_URL: database().url });
const tags = listMigrations().map(({ tag }) => tag);

test('migrate, status and rollback tell what they did', async () => {
  expect(await runCli(['migrate'], { env: env() })).toEqual({
    code: 0,
    signal: null,
    stdout: tags.map((tag) => `applied ${tag}\n`).join(''),
    stderr: '',
  });
  expect(await runCli(['migrate'], { env: env() })).toMatchObject({
    code: 0,
    stdout: 'nothing to apply\n',
  });

  const docId = await createDocument(database().db);
  const ledger = createVectorRepository(database().db);
  await ledger.upsertPage({ docId, page: 1, vectorIds: ['a'] });
  await ledger.upsertPage({ docId, page: 1, vectorIds: ['b'] });
  await ledger.upsertPage({ docId, page: 2, vectorIds: ['c'] }, { pending: true });
  const status = await runCli(['status'], { env: env() });
  expect(status).toMatchObject({ code: 0, stderr: '' });
  expect(status.stdout).toMatch(
    /^database {4}PostgreSQL \d+\.\d+(?: \(.+\))?, \w+ at [\w.]+:\d+ as \w+\nmigrations {2}3 applied, 0 pending\ndrift {7}none\npages {7}2 pages, 1 pending\norphans {5}1 row waiting for a purge\n$/,
  );

  expect(await runCli(['rollback'], { env: env() })).toMatchObject({
    code: 0,
    stdout: `undone ${tags[2]}\n`,
  });
  expect(await runCli(['rollback', '--all'], { env: env() })).toEqual({
    code: 0,
    signal: null,
    stdout: `undone ${tags[1]}\nundone ${tags[0]}\n`,
    stderr: [
      'warning: 1 pages that are pending no longer say so\n',
      'warning: 1 rows wait in vector_orphans for a purge: the table stays\n',
      'warning: the vector ids of 2 pages went with the table: their vectors stay in the vector store\n',
    ].join(''),
  });
  expect(await database().db.$count(vectorOrphans)).toBe(1);
});

test('with --json the results are JSON', async () => {
  const json = async (...args: string[]) =>
    JSON.parse((await runCli([...args, '--json'], { env: env() })).stdout);
  expect(await json('status')).toMatchObject({ applied: [], pending: tags, pages: null });
  expect(await json('migrate')).toEqual({ applied: tags, warnings: [] });
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
    pages: 0,
    pendingPages: 0,
    orphans: 0,
  });
  expect(await json('rollback', '--to', tags[0] as string)).toEqual({
    undone: tags.slice(1).reverse(),
    warnings: [],
  });
});

test('status says what was changed behind the migrations', async () => {
  await runCli(['migrate'], { env: env() });
  await database().db.execute(sql`drop index ix_vectors_doc_page`);
  await database().db.execute(sql`alter table vectors disable trigger vectors_queue_deleted`);
  await database().db.execute(sql`alter table vectors alter column indexed_at drop default`);
  const { stdout } = await runCli(['status'], { env: env() });
  expect(stdout).toContain(`drift       
              column vectors.indexed_at is changed
                timestamp with time zone
                instead of timestamp with time zone default now()
              index ix_vectors_doc_page is missing
              trigger vectors_queue_deleted is changed
                CREATE TRIGGER vectors_queue_deleted AFTER DELETE ON vectors`);
  expect(stdout).toContain('-- disabled\n');
});

test('a legacy database that cannot be taken over fails with what to do, and then goes through', async () => {
  await loadLegacyDump(database().db, 'mixed');
  expect((await runCli(['status'], { env: env() })).stdout).toContain('65 rows in vectors');
  const failed = await runCli(['migrate'], { env: env() });
  expect(failed).toMatchObject({ code: 1, stdout: '' });
  expect(failed.stderr).toMatch(
    /^colpali-vectors: Migration 0001_jsonb_ledger failed and nothing was changed: of 65 rows .*\nHint: .*update vectors set page = page \+ 1;\n$/,
  );

  await database().db.execute(sql`update vectors set page = page + 1`);
  expect(await runCli(['migrate'], { env: env() })).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/^warning: \d+ older rows of pages that were recorded twice/),
  });
});

describe('no password is printed', () => {
  test.each(['status', 'migrate', 'rollback'])(
    'by %s, whether it works or not',
    async (command) => {
      const url = new URL(database().url);
      url.password ||= 'hunter2-secret';
      const { password } = url;
      const broken = new URL(url);
      broken.port = '1';
      const wrong = new URL(url);
      wrong.username = 'nobody-of-this-name';
      for (const { href } of [url, broken, wrong]) {
        const { stdout, stderr } = await runCli([command, '--database', href]);
        expect(stdout + stderr).not.toContain(`:${password}`);
        expect(stdout + stderr).not.toContain(href);
      }
    },
  );

  test('nor an URL that cannot be read', async () => {
    const result = await runCli(['status', '-d', 'postgres://app:hunter#2@localhost/app']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).not.toContain('hunter');
  });
});

describe('in a folder without a database', () => {
  let cwd: string;
  beforeAll(() => {
    cwd = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
  });
  afterAll(() => rmSync(cwd, { recursive: true, force: true }));

  test('reading fails and makes none, migrate makes one', async () => {
    for (const command of [['status'], ['rollback'], ['show', '7'], ['export']]) {
      expect(await runCli(command, { cwd })).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining('There is no embedded database in .pglite'),
      });
    }
    expect(readdirSync(cwd)).toEqual([]);
    expect(await runCli(['migrate'], { cwd })).toMatchObject({ code: 0, stderr: '' });
    const { stdout } = await runCli(['status'], { cwd });
    expect(stdout).toMatch(/^database {4}PGlite \(PostgreSQL \d+\.\d+\) in \.pglite\n/);
  });
});

test('help shows every command and examples', async () => {
  const { code, stdout, stderr } = await runCli(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of ['migrate', 'rollback', 'status', 'show', 'locate', 'import', 'export']) {
    expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const help = await runCli([command, '--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(new RegExp(`^ {2}\\$ .*colpali-vectors ${command}`, 'm'));
  }
});

test.each([
  [['no-such-command']],
  [['status', '--no-such-option']],
  [['show']],
  [['show', 'seven']],
  [['show', '7', '0']],
  [['show', '7', '1.5']],
  [['rollback', '--to', '0000_create_vectors', '--all']],
  [['rollback', '--to', 'no_such_migration']],
  [['migrate', '--lock-timeout', '-1']],
  [['migrate', '--database', 'mysql://localhost/app']],
  [[]],
])('%j is wrong usage', async (args) => {
  const { code, stdout, stderr } = await runCli(args, { env: env() });
  expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
  expect(stderr).not.toBe('');
});
