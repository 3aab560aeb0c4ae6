import type { Db } from '../db.ts';
import { requireOptions } from '../require.ts';
import { defaultTables } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import { findSchemaDrift, type SchemaDrift } from './drift.ts';
import type { Migration } from './files.ts';
import { type MigrationHistory, readMigrationHistory } from './history.ts';
import { type MigrationTarget, withTargetDatabase } from './target.ts';

/** Which migrations a database has, and how its ledger differs from what they created. */
export interface MigrationStatus {
  /** Tags of the applied migrations, oldest first. */
  applied: string[];
  /** Tags of the migrations that the next `migrate` applies, oldest first. */
  pending: string[];
  /** Tags of the migrations that are not applied although a newer one is. While there are any, `migrate` fails. */
  skipped: string[];
  /** Number of applied migrations that this version of the package does not have. */
  unknown: number;
  /**
   * Objects of the ledger that somebody changed after the migrations: a dropped index, a disabled trigger. Null if the
   * database does not have exactly the migrations of this package version, so that there is nothing to compare with.
   */
  drift: SchemaDrift[] | null;
}

/**
 * Compares a database with the shipped migrations. It changes nothing and takes no lock.
 *
 * @param options - The database: `url` and `ssl`, or `db`.
 * @throws {InvalidInputError} The URL, `ssl` or the database is not valid.
 * @throws {DatabaseUnavailableError} The database cannot be reached, or the embedded database does not exist.
 *
 * @example
 * ```ts
 * const { pending, drift } = await migrationStatus({ url: 'postgres://app@localhost/app' });
 * if (pending.length > 0) console.log(`run the migrations: ${pending.join(', ')}`);
 * else if (drift !== null) console.log(drift); // [] if the ledger is as the migrations created it
 * ```
 */
export async function migrationStatus(options: MigrationTarget = {}): Promise<MigrationStatus> {
  requireOptions(options, {});
  return withTargetDatabase(options, { mustExist: true }, readMigrationStatus);
}

/** Reads the migration status of a database that is already open. */
export async function readMigrationStatus(hostDb: Db): Promise<MigrationStatus> {
  const db = uniform(hostDb);
  const history = await readMigrationHistory(db);
  return {
    applied: tagsOf(history.applied),
    pending: tagsOf(history.pending),
    skipped: tagsOf(history.skipped),
    unknown: history.unknown,
    drift: isCurrent(history) ? await findSchemaDrift(db, defaultTables) : null,
  };
}

function isCurrent({ pending, skipped, unknown }: MigrationHistory): boolean {
  return pending.length + skipped.length + unknown === 0;
}

function tagsOf(migrations: readonly Migration[]): string[] {
  return migrations.map(({ tag }) => tag);
}
