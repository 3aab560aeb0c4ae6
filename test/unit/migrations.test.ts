import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listMigrations, migrationsFolder } from '../../src/migrations.ts';
import { projectRoot, runDrizzleKit } from '../support/drizzle-kit.ts';

const schemaFile = join(projectRoot, 'src/schema.ts');
/** A schema file beside the real one, so that its imports lead to the same places. */
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
 * Whether the migrations give what the schema declares.
 *
 * `drizzle-kit generate` has to say so in words: where a column may have been renamed it cannot ask,
 * writes nothing, and exits with 0 as if all were well.
 */
async function isInStep(schema: string): Promise<boolean> {
  const out = join(folder, 'drizzle');
  rmSync(out, { recursive: true, force: true });
  cpSync(migrationsFolder(), out, { recursive: true });
  const { output } = await runDrizzleKit([
    'generate',
    '--dialect=postgresql',
    `--schema=${schema}`,
    `--out=${relative(projectRoot, out)}`,
  ]);
  return output.includes('No schema changes, nothing to migrate');
}

test('the migrations give what the schema declares', async () => {
  expect(await isInStep(schemaFile)).toBe(true);
});

test.each([
  ['a renamed column', "'orphaned_at'", "'orphaned_on'"],
  ['a new column', "bigserial('id', { mode: 'number' }).primaryKey(),", '$& note: text(),'],
  ['a changed constraint', '> 0`', '>= 0`'],
  ['a dropped index', "index('ix_vectors_doc_id').on(table.docId),", ''],
  [
    'a changed view',
    'case when run.hexadecimal then to_hex',
    'case when not run.hexadecimal then to_hex',
  ],
])('%s is noticed', async (_, before, after) => {
  const schema = readFileSync(schemaFile, 'utf8');
  expect(schema).toContain(before);
  writeFileSync(changedSchemaFile, schema.replace(before, after));
  expect(await isInStep(changedSchemaFile)).toBe(false);
});

test('the journal grows in time, and every entry has its file', () => {
  const migrations = listMigrations();
  // The migrator compares `when` alone: one that is older than its predecessor would never run.
  expect(migrations).toEqual(migrations.toSorted((a, b) => a.when - b.when));
  expect(new Set(migrations.map(({ when }) => when)).size).toBe(migrations.length);
  for (const { tag } of migrations) {
    expect(existsSync(join(migrationsFolder(), `${tag}.sql`))).toBe(true);
  }
});
