import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { renderMigrationsModule } from '../../scripts/migrations-module.ts';
import { listMigrations, statementsOf } from '../../src/migrations/files.ts';
import { formatSchemaFile, readSchemaFile } from '../../src/migrations/schema-file.ts';
import { projectRoot, runDrizzleKit } from '../support/drizzle-kit.ts';
import { migrationsFolder } from '../support/migrations.ts';

const schemaFile = join(projectRoot, 'src/schema.ts');
/** A schema file next to the real one, so that its imports work. */
const changedSchemaFile = join(projectRoot, `src/schema.changed-${process.pid}.ts`);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  rmSync(changedSchemaFile, { force: true });
});

/**
 * Whether the migrations create what the schema declares.
 *
 * Reads the output of `drizzle-kit generate`. Its exit code is not enough: if a column may have been renamed, it
 * cannot ask, writes nothing, and exits with 0.
 */
async function isInStep(schema: string): Promise<boolean> {
  const out = join(folder, 'drizzle');
  rmSync(out, { recursive: true, force: true });
  cpSync(migrationsFolder, out, { recursive: true });
  const { output } = await runDrizzleKit([
    'generate',
    '--dialect=postgresql',
    `--schema=${schema}`,
    `--out=${relative(projectRoot, out)}`,
  ]);
  return output.includes('No schema changes, nothing to migrate');
}

test('the migrations create what the schema declares', async () => {
  expect(await isInStep(schemaFile)).toBe(true);
});

test.each([
  ['a renamed column', "'orphaned_at'", "'orphaned_on'"],
  ['a new column', "bigserial('id', { mode: 'number' }).primaryKey(),", '$& note: text(),'],
  ['a changed constraint', '> 0`', '>= 0`'],
  ['a dropped index', "index('ix_vectors_doc_id').on(table.docId),", ''],
])('%s in the schema makes the comparison fail', async (_, before, after) => {
  const schema = readFileSync(schemaFile, 'utf8');
  expect(schema).toContain(before);
  writeFileSync(changedSchemaFile, schema.replace(before, after));
  expect(await isInStep(changedSchemaFile)).toBe(false);
});

test('the journal is in order of time, and every migration has its file and its down file', () => {
  const migrations = listMigrations();
  // Drizzle's migrator compares only `when`: it would never run a migration that is older than its predecessor.
  expect(migrations).toEqual(migrations.toSorted((a, b) => a.when - b.when));
  expect(new Set(migrations.map(({ when }) => when)).size).toBe(migrations.length);
  for (const { tag, down } of migrations) {
    expect(existsSync(join(migrationsFolder, `${tag}.sql`))).toBe(true);
    expect(statementsOf(down).length).toBeGreaterThan(1);
  }
  // No file is left over from a migration that was generated again.
  const files = migrations.map(({ tag }) => `${tag}.sql`);
  expect(readdirSync(join(migrationsFolder, 'down'))).toEqual(files);
  expect(readdirSync(migrationsFolder).filter((name) => /^\d/.test(name))).toEqual(files);
});

test('every migration and down file first limits how long it waits for a lock', () => {
  for (const { tag } of listMigrations()) {
    for (const path of [`${tag}.sql`, `down/${tag}.sql`]) {
      const file = readFileSync(join(migrationsFolder, path), 'utf8');
      const [first = ''] = file.replaceAll(/^--[^>].*$/gm, '').split('--> statement-breakpoint');
      expect(first.trim(), path).toBe(
        "select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';",
      );
    }
  }
});

test('src/migrations/sql.generated.ts contains drizzle/ (if not, run `npm run db:embed`)', () => {
  const module = readFileSync(join(projectRoot, 'src/migrations/sql.generated.ts'), 'utf8');
  expect(module).toBe(renderMigrationsModule(migrationsFolder));
});

test('the embedded migrations are what drizzle-kit reads', () => {
  const read = readMigrationFiles({ migrationsFolder });
  expect(
    listMigrations().map(({ when, hash, up }) => ({ when, hash, sql: statementsOf(up) })),
  ).toEqual(read.map(({ folderMillis, hash, sql }) => ({ when: folderMillis, hash, sql })));
});

test('drizzle/schema.sql is read as it was written', () => {
  const objects = readSchemaFile();
  expect(formatSchemaFile(objects)).toBe(
    readFileSync(join(migrationsFolder, 'schema.sql'), 'utf8'),
  );
  expect(new Set(objects.map(({ object }) => object.split(' ')[0]))).toEqual(
    new Set(['column', 'constraint', 'index', 'trigger', 'function', 'view']),
  );
});
