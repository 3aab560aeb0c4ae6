import { DrizzleQueryError } from 'drizzle-orm/errors';
import { type MigrationConfig, readMigrationFiles } from 'drizzle-orm/migrator';
import { toMigrationError } from '../driver-errors.ts';
import { listMigrations, migrationsFolder, migrationsTable } from './files.ts';
import { readMigrationStates, requireNoneSkipped, requireVectors } from './history.ts';
import { inMigrationSession, type MigrationOptions } from './session.ts';

/** What `migrate` did. */
export interface MigrateResult {
  /** Tags of the migrations that this call applied, oldest first; empty when there was nothing to do. */
  applied: string[];
  /** What they did that should be known: rows of pages recorded twice, for one. */
  warnings: string[];
}

/**
 * Applies the migrations that the database does not have yet, all or none of them.
 *
 * Any number of processes may call it at once on a server: one migrates, the others wait and find
 * nothing to do. `npx drizzle-kit migrate` applies the same files and lists them in the same table,
 * but does not wait for others.
 *
 * It opens a connection of its own and closes it. On a server that must be a direct one: the lock is
 * the session's, and a pooler in transaction mode (PgBouncer) gives every transaction another session.
 *
 * @throws {InvalidInputError} The URL is none, or `lockTimeoutMs`.
 * @throws {MigrationError} A migration failed or came too late; the error names it, and nothing has changed.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function migrate(options: MigrationOptions = {}): Promise<MigrateResult> {
  return inMigrationSession(options, async ({ db, apply, warnings }) => {
    const states = await readMigrationStates(db);
    requireNoneSkipped(states);
    if (states.pending.length === 0) {
      // Drizzle's migrator would want the right to create schemas all the same.
      await requireVectors(db);
      return { applied: [], warnings: [] };
    }

    const config = { migrationsFolder: migrationsFolder(), migrationsTable };
    try {
      await apply(config);
    } catch (error) {
      const tag = failedMigration(error, config);
      throw toMigrationError(error, tag === undefined ? 'The migration' : `Migration ${tag}`, tag);
    }
    return { applied: states.pending.map(({ tag }) => tag), warnings: [...warnings] };
  });
}

/** The tag of the migration that holds the statement which failed. */
function failedMigration(error: unknown, config: MigrationConfig): string | undefined {
  if (!(error instanceof DrizzleQueryError)) return undefined;
  const file = readMigrationFiles(config).find((migration) => migration.sql.includes(error.query));
  return listMigrations().find(({ when }) => when === file?.folderMillis)?.tag;
}
