import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { InvalidInputError } from '../errors.ts';
import { type Check, integer, requireBoolean, requireOptions } from '../require.ts';
import { requireUndistributed } from '../scale/require-undistributed.ts';
import { defaultTables } from '../tables.ts';
import { applyMigration, createMigrationsTable } from './apply.ts';
import type { Migration } from './files.ts';
import { readMigrationHistory, requireNoSkippedMigration } from './history.ts';
import { inLockedTransaction } from './locked-transaction.ts';
import { type MigrationTarget, withTargetDatabase } from './target.ts';
import { hasVectorsTable, requireVectorsTable } from './vectors-table.ts';

/** The options that `migrate` and `rollback` share. */
export interface MigrationOptions extends MigrationTarget {
  /**
   * How long to wait for another migrator, and for each table that another session uses, in milliseconds. New queries
   * on such a table wait too. {@defaultValue 60,000 for another migrator; for a table the connection's own
   * `lock_timeout`, else 5000}
   */
  lockTimeoutMs?: number | undefined;
}

/** What `migrate` does with legacy pages that have several rows. */
export type DuplicatesRemedy = 'keep-newest' | 'merge';

export interface MigrateOptions extends MigrationOptions {
  /**
   * What to do if a page of a legacy table has several rows: `keep-newest` keeps the newest row and queues the ids that
   * only the others have, so that the next purge deletes their vectors; `merge` keeps all ids, in the order of the
   * rows. {@defaultValue the migration fails and lists the pages}
   */
  duplicates?: DuplicatesRemedy | undefined;
  /** Whether to change nothing and only return what would run, as `planned`. {@defaultValue false} */
  dryRun?: boolean | undefined;
}

/** A migration that would run. */
export interface PlannedMigration {
  tag: string;
  /** Its statements, as in `drizzle/<tag>.sql`. */
  sql: string;
}

/** What `migrate` did. */
export interface MigrateResult {
  /** Tags of the migrations that this call applied, oldest first. Empty if no migration was pending. */
  applied: string[];
  /** Warnings from the migrations, for example that a table `documents` was created. */
  warnings: string[];
  /** With `dryRun` only: the migrations that would run, oldest first. */
  planned?: PlannedMigration[];
}

const checkDuplicates: Check = (value, path) => {
  if (value === 'keep-newest' || value === 'merge') return;
  throw new InvalidInputError(path, "must be 'keep-newest' or 'merge'");
};

/**
 * Applies all pending migrations in one transaction.
 *
 * Any number of processes may call it at once: one of them migrates, the others wait and find nothing to do.
 * `npx drizzle-kit migrate` applies the same files and lists them in the same table, but it does not wait.
 *
 * @throws {InvalidInputError} An option is not valid.
 * @throws {MigrationError} A migration failed or was skipped, and the error names it; another migrator did not finish
 *   in time; or the search_path does not find the ledger. The database is unchanged.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 *
 * @example
 * ```ts
 * const { applied } = await migrate({ url: 'postgres://owner@localhost/app' }); // or { db }
 * console.log(applied); // ['0000_20250524_vectors', ...], or [] if the database is up to date
 * ```
 */
export async function migrate(options: MigrateOptions = {}): Promise<MigrateResult> {
  requireOptions(options, {
    lockTimeoutMs: integer({ min: 1 }),
    duplicates: checkDuplicates,
    dryRun: requireBoolean,
  });
  const { lockTimeoutMs, duplicates, dryRun = false } = options;
  return withTargetDatabase(options, { mustExist: dryRun }, async (db) => {
    if (dryRun) {
      const planned = (await readPending(db)).map(({ tag, up }) => ({ tag, sql: up }));
      return { applied: [], warnings: [], planned };
    }
    return inLockedTransaction(db, lockTimeoutMs, (tx) => applyPending(tx, duplicates));
  });
}

async function applyPending(
  tx: Db,
  duplicates: DuplicatesRemedy | undefined,
): Promise<MigrateResult> {
  const result: MigrateResult = { applied: [], warnings: [] };
  const pending = await readPending(tx);
  if (pending.length === 0) return result;
  await createMigrationsTable(tx);
  if (duplicates !== undefined) {
    await tx.execute(sql`select set_config('colpali_vectors.duplicates', ${duplicates}, true)`);
  }
  for (const migration of pending) {
    result.warnings.push(...(await applyMigration(tx, migration)));
    result.applied.push(migration.tag);
  }
  return result;
}

/** The migrations to apply, oldest first. */
async function readPending(db: Db): Promise<Migration[]> {
  const history = await readMigrationHistory(db);
  requireNoSkippedMigration(history);
  if (history.applied.length > 0) await requireVectorsTable(db);
  if (history.pending.length > 0 && (await hasVectorsTable(db))) {
    await requireUndistributed(db, defaultTables, {
      change: 'Migrations cannot be applied',
      hint: 'Copy the rows into a new database that is not distributed. See docs/scaling.md.',
    });
  }
  return history.pending;
}
