import { DrizzleQueryError } from 'drizzle-orm/errors';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { toMigrationError } from '../driver-errors.ts';
import { listMigrations, migrationsFolder } from './files.ts';
import { readMigrationHistory, requireNoSkippedMigration } from './history.ts';
import { type MigrationOptions, withLockedSession } from './locked-session.ts';
import { requireVectorsTable } from './vectors-table.ts';

/** What `migrate` did. */
export interface MigrateResult {
  /** Tags of the migrations that this call applied, oldest first. Empty if none was pending. */
  applied: string[];
  /** Warnings from the migrations, for example about pages that were recorded twice. */
  warnings: string[];
}

/**
 * Applies all pending migrations in one transaction.
 *
 * Any number of processes may call it at once on a server: one of them migrates, the others wait and find nothing to
 * do. `npx drizzle-kit migrate` applies the same files and lists them in the same table, but it does not wait.
 *
 * `migrate` opens its own connection and closes it. Connect to the server directly: a pooler in transaction mode
 * (PgBouncer) may run each transaction in another session, and the lock belongs to one session.
 *
 * @throws {InvalidInputError} The URL or `lockTimeoutMs` is not valid.
 * @throws {MigrationError} A migration failed or was skipped, and the error names it; or the search_path does not
 *   find the ledger. The database is unchanged.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 *
 * @example
 * ```ts
 * const { applied } = await migrate({ url: 'postgres://owner@localhost/app' });
 * console.log(applied); // ['0000_create_vectors', ...], or [] if the database is up to date
 * ```
 */
export async function migrate(options: MigrationOptions = {}): Promise<MigrateResult> {
  return withLockedSession(options, async ({ db, applyPending, warnings }) => {
    const history = await readMigrationHistory(db);
    requireNoSkippedMigration(history);
    if (history.pending.length === 0) {
      // Drizzle's migrator would need permission to create schemas even with nothing to do.
      await requireVectorsTable(db);
      return { applied: [], warnings: [] };
    }

    try {
      await applyPending();
    } catch (error) {
      const tag = findFailedMigration(error);
      throw toMigrationError(error, tag === undefined ? 'The migration' : `Migration ${tag}`, tag);
    }
    return { applied: history.pending.map(({ tag }) => tag), warnings: [...warnings] };
  });
}

/** Finds the tag of the migration whose statement failed. */
function findFailedMigration(error: unknown): string | undefined {
  if (!(error instanceof DrizzleQueryError)) return undefined;
  const files = readMigrationFiles({ migrationsFolder: migrationsFolder() });
  const failed = files.find((file) => file.sql.includes(error.query));
  return listMigrations().find(({ when }) => when === failed?.folderMillis)?.tag;
}
