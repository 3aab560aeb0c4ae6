import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { migrate } from 'drizzle-orm/postgres-js/migrator';
import { beforeEach, expect, test } from 'vitest';
import { loadModule } from '../../src/generate/drizzle-project.ts';
import { findLedgers } from '../../src/generate/find-ledgers.ts';
import { createVectorRepository, ledgerDrift, openDatabase } from '../../src/index.ts';
import { createServerDatabase, execute, select } from '../support/database.ts';
import { projectRoot, runDrizzleKit } from '../support/drizzle-kit.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const folder = useTemporaryFolder();
const inHost = (path: string) => join(folder(), path);
const generate = (...args: string[]) => runCli(['generate', ...args], { cwd: folder() });
const packageSchema = JSON.stringify(join(projectRoot, 'src/schema.ts'));

/** A host: two schema files, found through a glob. One uses TypeScript that Node cannot strip. */
beforeEach(() => {
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
});

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

const readMigration = (name: string) => readFileSync(inHost(`migrations/${name}`), 'utf8');

test('writes a migration after the tables, which makes complete ledgers, and writes none again', async () => {
  const early = await generate();
  expect(early).toMatchObject({ code: 1, stdout: '' });
  expect(early.stderr).toContain('First export the table vectors from your schema and run');

  await drizzleKit('generate', '--name=tables');
  expect(await generate()).toMatchObject({
    code: 0,
    stdout: 'wrote migrations/0001_colpali_vectors.sql\n  "app"."vectors" added\n  "pages" added\n',
    stderr: '',
  });
  const again = { code: 0, stdout: 'nothing changed: 2 ledgers\n', stderr: '' };
  expect(await generate()).toMatchObject(again);

  const database = await createServerDatabase();
  const { db, close } = await openDatabase(database.url);
  await migrate(db as never, { migrationsFolder: inHost('migrations') });
  const found = findLedgers([await loadModule(inHost('src/ledgers.schema.ts'))]);
  expect(found.map(({ name, keyType }) => `${name} ${keyType}`)).toEqual([
    'vectors uuid',
    'pages uuid',
  ]);
  for (const ledger of found) expect(await ledgerDrift(db, { ledger })).toEqual([]);

  // The pages move to another name, and the first ledger stays.
  writeFileSync(inHost('src/ledgers.schema.ts'), ledgers('vectors'));
  const orphaned = await generate();
  expect(orphaned).toMatchObject({ code: 0, stdout: 'nothing changed: 2 ledgers\n' });
  expect(orphaned.stderr).toContain('"pages" is no longer exported, but your migrations still');
  await drizzleKit('generate', '--name=drop');
  expect((await generate()).stdout).toBe(
    'wrote migrations/0003_colpali_vectors.sql\n  "pages" dropped\n',
  );
  expect(await generate()).toMatchObject({ code: 0, stdout: 'nothing changed: 1 ledger\n' });
  await migrate(db as never, { migrationsFolder: inHost('migrations') });
  expect(await select(db, `select proname from pg_proc where proname like 'pages%'`)).toEqual([]);
  expect(await ledgerDrift(db, { ledger: found[0] })).toEqual([]);
  await close();
  await database.drop();

  expect(await drizzleKit('check')).toContain("Everything's fine");
  expect(await drizzleKit('generate')).toContain('No schema changes');
});

test('writes another migration if the SQL of this version is different', async () => {
  await drizzleKit('generate', '--name=tables');
  await generate();
  const path = inHost('migrations/0001_colpali_vectors.sql');
  const first = readMigration('0001_colpali_vectors.sql');
  writeFileSync(path, first.replace(/("pages") [0-9a-f]{16}/, '$1 0123456789abcdef'));
  const { stdout } = await generate('--json');
  expect(JSON.parse(stdout)).toEqual({
    migration: 'migrations/0002_colpali_vectors.sql',
    ledgers: [
      { ledger: '"app"."vectors"', state: 'unchanged' },
      { ledger: '"pages"', state: 'updated' },
    ],
  });
  expect(first).toContain(
    readMigration('0002_colpali_vectors.sql').split('\n').slice(2).join('\n'),
  );
  // Every chunk is one statement: some drivers accept only one.
  for (const { sql } of readMigrationFiles({ migrationsFolder: inHost('migrations') }).slice(1)) {
    for (const chunk of sql) expect(chunk.replaceAll(/--.*/g, '').trim()).not.toBe('');
  }
});

test('finds the package’s own tables in a schema that exports them again', async () => {
  writeFileSync(
    inHost('src/schema.ts'),
    `export { documents, vectorOrphans, vectors } from ${packageSchema};`,
  );
  const options = ['--schema', 'src/schema.ts', '--out', 'own'];
  await drizzleKit('generate', '--dialect=postgresql', '--schema=src/schema.ts', '--out=own');
  expect(await generate(...options)).toMatchObject({
    stdout: expect.stringContaining('"vectors" added'),
  });

  const database = await createServerDatabase();
  const { db, close } = await openDatabase(database.url);
  await execute(db, 'create schema drizzle');
  await migrate(db as never, { migrationsFolder: inHost('own') });
  expect(await ledgerDrift(db)).toEqual([]);
  await execute(db, 'insert into documents default values');
  await createVectorRepository(db).upsertPage({ docId: 1, page: 1, vectorIds: ['a'] });
  await close();
  await database.drop();
});

test.each([
  [
    'a file that cannot be loaded',
    { 'src/bad.schema.ts': 'import "./nothing.js";' },
    'Cannot load src/bad.schema.ts',
  ],
  ['no ledger', { 'src/ledgers.schema.ts': 'export {};' }, 'no ledger is exported by src/'],
  [
    'a configuration without a schema',
    { 'drizzle.config.ts': 'export default {};' },
    'drizzle.config.ts names no schema',
  ],
])('names the file: %s', async (_, files, message) => {
  for (const [name, text] of Object.entries(files)) writeFileSync(inHost(name), text);
  const { code, stdout, stderr } = await generate();
  expect([code, stdout]).toEqual([expect.any(Number), '']);
  expect(code).not.toBe(0);
  expect(stderr).toContain(message);
});

test('says that there is no configuration', async () => {
  rmSync(inHost('drizzle.config.ts'));
  expect((await generate()).stderr).toContain('there is no drizzle.config.ts here');
  expect((await generate('--schema', 'nowhere/*.ts')).stderr).toContain(
    'there is no schema file nowhere/*.ts',
  );
});
