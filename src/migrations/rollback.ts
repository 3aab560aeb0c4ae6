import { sql } from 'drizzle-orm';
import { parseDatabaseUrl } from '../connect/database-url.ts';
import { requireDatabase } from '../connect/pglite.ts';
import type { Db } from '../db.ts';
import { toMigrationError } from '../driver-errors.ts';
import { InvalidInputError, MigrationError } from '../errors.ts';
import { listMigrations, type Migration, migrationsTable, readDownStatements } from './files.ts';
import { type MigrationHistory, readMigrationHistory } from './history.ts';
import { type MigrationOptions, withLockedSession } from './locked-session.ts';
import { requireVectorsTable } from './vectors-table.ts';

/** Which migrations `rollback` undoes. Without `to` or `all`, only the newest one. */
export interface RollbackOptions extends MigrationOptions {
  /** Tag of the migration that is the newest one afterwards. {@defaultValue the one before the newest} */
  to?: string | undefined;
  /** Undoes every migration. {@defaultValue false} */
  all?: boolean | undefined;
}

/** What `rollback` did. */
export interface RollbackResult {
  /** Tags of the migrations that this call undid, newest first. Empty if none was applied. */
  undone: string[];
  /** Warnings from the migrations, for example about grids that the older schema cannot store. */
  warnings: string[];
}

/**
 * Undoes the newest migration, the migrations newer than `to`, or all of them, in one transaction.
 *
 * Undoing all of them drops `vectors` and keeps `documents`. Stop the services that need the newer schema first.
 * Like `migrate`, it waits for other migrators and needs a direct connection.
 *
 * @throws {InvalidInputError} `to` is not a known migration or is combined with `all`; or the URL or `lockTimeoutMs`
 *   is not valid.
 * @throws {MigrationError} A migration cannot be undone or is not applied, and the error names it; or the database
 *   has migrations that this version does not have; or the search_path does not find the ledger. The database is
 *   unchanged.
 * @throws {DatabaseUnavailableError} The database cannot be reached, or the embedded database does not exist.
 *
 * @example
 * ```ts
 * await rollback(); // undoes the newest migration
 * await rollback({ to: '0000_create_vectors' }); // undoes every newer migration
 * ```
 */
export async function rollback({
  to,
  all = false,
  ...options
}: RollbackOptions = {}): Promise<RollbackResult> {
  const target = to === undefined ? undefined : requireMigration(to);
  if (target !== undefined && all) {
    throw new InvalidInputError(['options', 'to'], 'cannot be combined with options.all');
  }

  requireDatabase(parseDatabaseUrl(options.url, ['options', 'url']));
  return withLockedSession(options, async ({ db, warnings }) => {
    const history = await readMigrationHistory(db);
    requireKnownMigrations(history);
    if (target !== undefined) requireApplied(target, history);
    if (history.applied.length > 0) await requireVectorsTable(db);
    const newestToKeep = target ?? (all ? undefined : history.applied.at(-2));
    const newerThan = newestToKeep?.when ?? 0;
    const toUndo = history.applied.filter(({ when }) => when > newerThan).reverse();
    await db.transaction(async (tx) => {
      for (const migration of toUndo) await undo(tx, migration);
    });
    return { undone: toUndo.map(({ tag }) => tag), warnings: [...warnings] };
  });
}

async function undo(tx: Db, { tag, when }: Migration): Promise<void> {
  try {
    for (const statement of readDownStatements(tag)) await tx.execute(sql.raw(statement));
    await tx.execute(
      sql`delete from drizzle.${sql.identifier(migrationsTable)} where created_at = ${when}`,
    );
  } catch (error) {
    throw toMigrationError(error, `Undoing migration ${tag}`, tag);
  }
}

/** @throws {InvalidInputError} The package has no migration with this tag. */
function requireMigration(tag: string): Migration {
  const migrations = listMigrations();
  const found = migrations.find((migration) => migration.tag === tag);
  if (found !== undefined) return found;
  const tags = migrations.map((migration) => migration.tag).join(', ');
  throw new InvalidInputError(
    ['options', 'to'],
    `unknown migration ${JSON.stringify(String(tag))}; expected one of ${tags}`,
  );
}

/** @throws {MigrationError} The database has migrations that this version of the package cannot undo. */
function requireKnownMigrations({ unknown }: MigrationHistory): void {
  if (unknown === 0) return;
  throw new MigrationError(
    `The database has ${unknown} ${unknown === 1 ? 'migration' : 'migrations'} that this version of the package ` +
      'does not have: roll back with the version that applied them',
  );
}

/** @throws {MigrationError} The migration is not applied. */
function requireApplied(target: Migration, { applied }: MigrationHistory): void {
  if (applied.some(({ tag }) => tag === target.tag)) return;
  throw new MigrationError(`Migration ${target.tag} is not applied to this database`, {
    tag: target.tag,
  });
}
