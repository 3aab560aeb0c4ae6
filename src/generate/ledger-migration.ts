/** The migrations that contain the SQL of ledgers, in the host's folder. */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { MigrationError } from '../errors.ts';
import { sqlOf } from '../migrations/ledger-sql.ts';
import { dropFunctionsSql } from '../migrations/uninstall-ledger.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { type DrizzleProject, runDrizzleKit } from './drizzle-project.ts';

/** What `generate` did. */
export interface GeneratedMigration {
  /** The path of the new migration. Null if nothing changed. */
  migration: string | null;
  /** The ledgers by their tables, `"app"."vectors"`, and what the new migration does for each. */
  ledgers: { ledger: string; state: 'added' | 'updated' | 'unchanged' | 'dropped' | 'orphaned' }[];
}

/** A line of a migration that says what it does for a ledger. The hash is that of the ledger's statements. */
const markLine = /^-- colpali-vectors: (creates|drops) ledger (\S.*?)(?: ([0-9a-f]{16}))?$/gm;

/**
 * Adds a custom migration with the functions, checks, triggers, index and view of each ledger, unless the folder
 * already has the same SQL. If an older version of this package wrote other SQL, the new migration replaces it.
 *
 * A ledger that is no longer exported loses its functions once your migrations have dropped its table. Until then, its
 * triggers still queue ids, and the ledger is reported as `orphaned`.
 *
 * @throws {MigrationError} The tables are in no migration yet, or drizzle-kit added no migration.
 */
export async function generateLedgerMigration(
  { out, kitOptions }: DrizzleProject,
  ledgers: readonly VectorTables[],
): Promise<GeneratedMigration> {
  const written = readMarks(out);
  const tables = readTables(out);
  const parts: string[] = [];
  const states: GeneratedMigration['ledgers'] = [];

  for (const ledger of ledgers) {
    const name = qualifiedName(ledger.vectors);
    const statements = sqlOf(ledger);
    const hash = createHash('sha256').update(statements.join('\n')).digest('hex').slice(0, 16);
    const before = written.get(name);
    written.delete(name);
    if (before === hash) {
      states.push({ ledger: name, state: 'unchanged' });
      continue;
    }
    for (const table of [ledger.vectors, ledger.vectorOrphans]) requireTable(table, tables, out);
    states.push({ ledger: name, state: before === undefined ? 'added' : 'updated' });
    parts.push(`-- colpali-vectors: creates ledger ${name} ${hash}`, ...statements);
  }
  for (const name of written.keys()) {
    if (tables.has(withSchema(name))) {
      states.push({ ledger: name, state: 'orphaned' });
      continue;
    }
    states.push({ ledger: name, state: 'dropped' });
    const [table = '', schema] = partsOf(name).toReversed();
    parts.push(`-- colpali-vectors: drops ledger ${name}`, dropFunctionsSql(schema, table));
  }
  if (parts.length === 0) return { migration: null, ledgers: states };
  return { migration: await writeMigration(out, kitOptions, parts), ledgers: states };
}

/** The hash of each ledger that the migrations create and do not drop. */
function readMarks(out: string): Map<string, string> {
  const marks = new Map<string, string>();
  for (const { tag } of readJournal(out)) {
    const path = join(out, `${tag}.sql`);
    if (!existsSync(path)) continue;
    for (const [, verb, ledger = '', hash = ''] of readFileSync(path, 'utf8').matchAll(markLine)) {
      if (verb === 'creates') marks.set(ledger, hash);
      else marks.delete(ledger);
    }
  }
  return marks;
}

function readJournal(out: string): { tag: string }[] {
  const path = join(out, 'meta/_journal.json');
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')).entries : [];
}

/** The tables that the migrations create, as drizzle-kit's newest snapshot lists them: `"public"."vectors"`. */
function readTables(out: string): Set<string> {
  const folder = join(out, 'meta');
  const newest = existsSync(folder)
    ? readdirSync(folder)
        .filter((name) => name.endsWith('_snapshot.json'))
        .sort()
        .at(-1)
    : undefined;
  if (newest === undefined) return new Set();
  const { tables } = JSON.parse(readFileSync(join(folder, newest), 'utf8')) as {
    tables: Record<string, { name: string; schema: string }>;
  };
  return new Set(
    Object.values(tables).map(({ name, schema }) => `"${schema || 'public'}"."${name}"`),
  );
}

/** @throws {MigrationError} No migration creates the table. */
function requireTable(table: PgTable, tables: ReadonlySet<string>, out: string): void {
  const name = qualifiedName(table);
  if (tables.has(withSchema(name))) return;
  const isExported = `export the table ${getTableConfig(table).name} from your schema and run "npx drizzle-kit generate"`;
  throw new MigrationError(
    `No migration in ${out} creates ${name}.\nHint: First ${isExported}. Then run this command again.`,
  );
}

function withSchema(name: string): string {
  return partsOf(name).length === 1 ? `"public".${name}` : name;
}

/** The unquoted parts of a qualified name. */
function partsOf(name: string): string[] {
  return [...name.matchAll(/"((?:[^"]|"")*)"/g)].map(([, part = '']) => part.replaceAll('""', '"'));
}

/** Lets drizzle-kit add an empty migration, which keeps journal and snapshots right, and then fills that file. */
async function writeMigration(
  out: string,
  kitOptions: readonly string[],
  parts: readonly string[],
): Promise<string> {
  const before = readJournal(out).length;
  const printed = await runDrizzleKit([
    'generate',
    '--custom',
    '--name=colpali_vectors',
    ...kitOptions,
  ]);
  const journal = readJournal(out);
  const tag = journal.at(-1)?.tag;
  if (tag === undefined || journal.length !== before + 1) {
    throw new MigrationError(`drizzle-kit added no migration to ${out}:\n${printed.trim()}`);
  }
  const path = join(out, `${tag}.sql`);
  // A comment is not a statement, so no breakpoint follows it.
  const text = parts
    .map((part) =>
      part.startsWith('-- colpali-vectors: ') ? part : `${part}\n--> statement-breakpoint`,
    )
    .join('\n')
    .replace(/\n--> statement-breakpoint$/, '');
  writeFileSync(path, `-- Written by "colpali-vectors generate". Do not edit.\n${text}\n`);
  return path;
}
