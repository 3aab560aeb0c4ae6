import { openDatabase } from '../connect/open-database.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { findSchemaDrift, type SchemaDrift } from './drift.ts';
import type { Migration } from './files.ts';
import { type MigrationStates, readMigrationStates } from './history.ts';

/** Which migrations a database has, and whether it still is what they made it. */
export interface MigrationStatus {
  /** Tags of the applied migrations, oldest first. */
  applied: string[];
  /** Tags of those that the next `migrate` applies. */
  pending: string[];
  /** Tags of those that came after a newer one had been applied; `migrate` refuses to go on. */
  skipped: string[];
  /** How many the database lists that this version of the package does not have. */
  unknown: number;
  /**
   * What of the ledger was changed behind the migrations: an index gone, a trigger disabled. Null where
   * the database is at another version than this package, with nothing to compare it to.
   */
  drift: SchemaDrift[] | null;
}

/**
 * Compares a database with the migrations. Changes nothing and waits for nobody.
 *
 * @param options.url - As for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} The URL is none.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function migrationStatus({
  url,
}: {
  url?: string | undefined;
} = {}): Promise<MigrationStatus> {
  const { db, close } = await openDatabase(url);
  try {
    return await withLedgerErrors(() => readMigrationStatus(db));
  } finally {
    await close();
  }
}

/** The same of an open database. */
export async function readMigrationStatus(db: Db): Promise<MigrationStatus> {
  const states = await readMigrationStates(db);
  return {
    applied: tagsOf(states.applied),
    pending: tagsOf(states.pending),
    skipped: tagsOf(states.skipped),
    unknown: states.unknown,
    drift: isCurrent(states) ? await findSchemaDrift(db) : null,
  };
}

function isCurrent({ pending, skipped, unknown }: MigrationStates): boolean {
  return pending.length + skipped.length + unknown === 0;
}

function tagsOf(migrations: readonly Migration[]): string[] {
  return migrations.map(({ tag }) => tag);
}
