import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { afterAll, beforeEach, expect, test } from 'vitest';
import { loadModule, readDrizzleProject } from '../../src/generate/drizzle-project.ts';
import { findLedgers } from '../../src/generate/find-ledgers.ts';
import { generate } from '../../src/generate/generate.ts';
import { generateLedgerMigration } from '../../src/generate/ledger-migration.ts';
import {
  createVectorRepository,
  InvalidInputError,
  ledgerDrift,
  openDatabase,
} from '../../src/index.ts';
import { createServerDatabase, execute, select } from '../support/database.ts';
import { projectRoot, runDrizzleKit } from '../support/drizzle-kit.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { thrownBy } from '../support/thrown-by.ts';

const folder = useTemporaryFolder();
const inHost = (path: string) => join(folder(), path);
const packageSchema = JSON.stringify(join(projectRoot, 'src/schema.ts'));

/** A host: two schema files, found through a glob. One uses TypeScript that Node cannot strip. */
beforeEach(() => {
  process.chdir(projectRoot);
  rmSync(folder(), { recursive: true, force: true });
  mkdirSync(inHost('src/db'), { recursive: true });
  symlinkSync(join(projectRoot, 'node_modules'), inHost('node_modules'));
  writeFileSync(inHost('package.json'), '{ "type": "module" }');
  writeFileSync(
    inHost('drizzle.config.ts'),
    `import { defineConfig } from 'drizzle-kit';
     export default defineConfig({ dialect: 'postgresql', schema: './src/**/*.schema.ts', out: './migrations' });`,
  );
  writeFileSync(
    inHost('src/db/files.schema.ts'),
    `import { pgSchema, uuid } from 'drizzle-orm/pg-core';
     export enum Kind { scan }
     export const app = pgSchema('app');
     export const files = app.table('files', { id: uuid().primaryKey() });`,
  );
  writeFileSync(inHost('src/ledgers.schema.ts'), ledgers('vectors', 'pages'));
  process.chdir(folder());
});
afterAll(() => process.chdir(projectRoot));

/** A schema file whose first ledger is exported, and whose others are exported as tables only. */
function ledgers(...names: string[]): string {
  const [first, ...others] = names;
  return [
    `import { defineLedger } from ${packageSchema};`,
    `import { app, files } from './db/files.schema.js';`,
    `export const ledger = defineLedger({ documents: files.id, schema: app, name: '${first}' });`,
    'export const { vectors, vectorOrphans } = ledger;',
    ...others.map(
      (name) =>
        `export const { vectors: ${name}, vectorOrphans: ${name}Orphans } = defineLedger({ documents: files.id, name: '${name}' });`,
    ),
  ].join('\n');
}

async function drizzleKit(...args: string[]): Promise<string> {
  const { output } = await runDrizzleKit(args, {}, folder());
  return output;
}

/** The new migration, and what happened to each ledger. */
async function generated(): Promise<[string | null, string[]]> {
  const { migration, ledgers } = await generate({});
  return [migration, ledgers.map(({ ledger, state }) => `${ledger} ${state}`)];
}

test('writes a migration after the tables, which makes complete ledgers, and writes none again', async () => {
  expect(await thrownBy(generate({}))).toMatchObject({
    name: 'MigrationError',
    message: expect.stringContaining('First export the table vectors from your schema and run'),
  });
  await drizzleKit('generate', '--name=tables');
  expect(await generated()).toEqual([
    'migrations/0001_colpali_vectors.sql',
    ['"app"."vectors" added', '"pages" added'],
  ]);
  expect(await generated()).toEqual([null, ['"app"."vectors" unchanged', '"pages" unchanged']]);

  const database = await createServerDatabase();
  const { db, close } = await openDatabase(database.url);
  await migrate(db as never, { migrationsFolder: 'migrations' });
  const found = findLedgers([await loadModule(inHost('src/ledgers.schema.ts'))]);
  expect(found.map(({ name, keyType }) => `${name} ${keyType}`)).toEqual([
    'vectors uuid',
    'pages uuid',
  ]);
  for (const ledger of found) expect(await ledgerDrift(db, { ledger })).toEqual([]);

  // Without its export, a ledger keeps its triggers until a migration drops its tables.
  writeFileSync(inHost('src/ledgers.schema.ts'), ledgers('vectors'));
  const [vectors] = found;
  expect(await generateAgain()).toEqual([null, ['"app"."vectors" unchanged', '"pages" orphaned']]);
  await drizzleKit('generate', '--name=drop');
  expect(await generateAgain()).toEqual([
    'migrations/0003_colpali_vectors.sql',
    ['"app"."vectors" unchanged', '"pages" dropped'],
  ]);
  expect(await generateAgain()).toEqual([null, ['"app"."vectors" unchanged']]);
  await migrate(db as never, { migrationsFolder: 'migrations' });
  expect(await select(db, "select proname from pg_proc where proname like 'pages%'")).toEqual([]);
  expect(await ledgerDrift(db, { ledger: vectors })).toEqual([]);
  await close();
  await database.drop();

  expect(await drizzleKit('check')).toContain("Everything's fine");
  expect(await drizzleKit('generate')).toContain('No schema changes');

  /** Without the cache of modules that this process has. */
  async function generateAgain(): Promise<unknown> {
    const { migration, ledgers } = await generateLedgerMigration(
      await readDrizzleProject({}),
      vectors === undefined ? [] : [vectors],
    );
    return [migration, ledgers.map(({ ledger, state }) => `${ledger} ${state}`)];
  }
}, 300_000);

test('writes another migration if the SQL of this version is different', async () => {
  await drizzleKit('generate', '--name=tables');
  const { code, stdout, stderr } = await runCli(['generate'], { cwd: folder() });
  expect({ code, stdout, stderr }).toEqual({
    code: 0,
    stdout: 'wrote migrations/0001_colpali_vectors.sql\n  "app"."vectors" added\n  "pages" added\n',
    stderr: '',
  });
  const path = inHost('migrations/0001_colpali_vectors.sql');
  const first = readFileSync(path, 'utf8');
  writeFileSync(path, first.replace(/("pages") [0-9a-f]{16}/, '$1 0123456789abcdef'));
  expect(await generated()).toEqual([
    'migrations/0002_colpali_vectors.sql',
    ['"app"."vectors" unchanged', '"pages" updated'],
  ]);
  const second = readFileSync(inHost('migrations/0002_colpali_vectors.sql'), 'utf8');
  expect(first).toContain(second.split('\n').slice(2).join('\n'));
  // Every chunk is a statement: an empty one is an error for some drivers.
  for (const { sql } of readMigrationFiles({ migrationsFolder: 'migrations' }).slice(1)) {
    for (const chunk of sql) expect(chunk.replaceAll(/--.*/g, '').trim()).not.toBe('');
  }
}, 300_000);

test('finds the package’s own tables in a schema that exports them again', async () => {
  writeFileSync(
    inHost('src/schema.ts'),
    `export { documents, vectorOrphans, vectors } from ${packageSchema};`,
  );
  await drizzleKit('generate', '--dialect=postgresql', '--schema=src/schema.ts', '--out=own');
  expect((await generate({ schema: 'src/schema.ts', out: 'own' })).ledgers).toEqual([
    { ledger: '"vectors"', state: 'added' },
  ]);
  const database = await createServerDatabase();
  const { db, close } = await openDatabase(database.url);
  await migrate(db as never, { migrationsFolder: 'own' });
  expect(await ledgerDrift(db)).toEqual([]);
  await execute(db, 'insert into documents default values');
  await createVectorRepository(db).upsertPage({ docId: 1, page: 1, vectorIds: ['a'] });
  await close();
  await database.drop();
}, 300_000);

test.each([
  [
    'a file that cannot be loaded',
    'src/bad.ts',
    'import "./nothing.js";',
    'Cannot load src/bad.ts',
  ],
  ['no ledger', 'src/empty.ts', 'export {};', 'no ledger is exported by src/empty.ts'],
])('names the file: %s', async (_, schema, text, message) => {
  writeFileSync(inHost(schema), text);
  expect(await thrownBy(generate({ schema, out: 'none' }))).toMatchObject({
    message: expect.stringContaining(message),
  });
});

test('says that there is no configuration, schema file or valid combination of options', async () => {
  rmSync(inHost('drizzle.config.ts'));
  for (const [options, message] of [
    [{}, 'there is no drizzle.config.ts here'],
    [{ config: 'other.ts' }, 'there is no other.ts here'],
    [{ schema: 'nowhere/*.ts' }, 'there is no schema file nowhere/*.ts'],
    [{ out: 'drizzle' }, 'must be given together with schema'],
    [{ schema: 'src/*.ts', config: 'drizzle.config.ts' }, 'cannot be combined with schema'],
  ] as const) {
    const error = await thrownBy(generate(options));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ reason: expect.stringContaining(message) });
  }
});

test.each([
  ['src/ledgers.schema.ts', ['src/ledgers.schema.ts']],
  ['./src/db', ['src/db/files.schema.ts']],
  ['./src/*.ts', ['src/ledgers.schema.ts']],
  ['src/**/*.ts', ['src/db/files.schema.ts', 'src/ledgers.schema.ts']],
  ['./src/{db,other}/*.schema.ts', ['src/db/files.schema.ts']],
  ['src/d?', ['src/db/files.schema.ts']],
])('finds the schema files of %s, as drizzle-kit does', async (schema, expected) => {
  const { schemaFiles } = await readDrizzleProject({ schema });
  expect(schemaFiles.map((file) => relative('.', file)).sort()).toEqual(expected);
});
