import { parseDatabaseUrl } from '../connect/database-url.ts';
import { type ConnectOptions, openDatabaseAt } from '../connect/open-database.ts';
import { requireDatabase } from '../connect/pglite.ts';
import { requireSsl } from '../connect/tls.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { uniform } from '../uniform-db.ts';
import { findSchemaDrift, type SchemaDrift } from './drift.ts';
import type { Migration } from './files.ts';
import { type MigrationHistory, readMigrationHistory } from './history.ts';

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
 * @param options.url - The database, as for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`}
 * @param options.ssl - How to use TLS, as for `openDatabase`.
 * @throws {InvalidInputError} The URL or `ssl` is not valid.
 * @throws {DatabaseUnavailableError} The database cannot be reached, or the embedded database does not exist.
 *
 * @example
 * ```ts
 * const { pending, drift } = await migrationStatus({ url: 'postgres://app@localhost/app' });
 * if (pending.length > 0) console.log(`run the migrations: ${pending.join(', ')}`);
 * else if (drift !== null) console.log(drift); // [] if the ledger is as the migrations created it
 * ```
 */
export async function migrationStatus({
  url,
  ssl,
}: ConnectOptions & { url?: string | undefined } = {}): Promise<MigrationStatus> {
  requireSsl(ssl, ['options', 'ssl']);
  requireDatabase(parseDatabaseUrl(url, ['options', 'url']));
  const { db, close } = await openDatabaseAt(url, ['options', 'url'], { ssl });
  try {
    return await withLedgerErrors(() => readMigrationStatus(db));
  } finally {
    await close();
  }
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
    drift: isCurrent(history) ? await findSchemaDrift(db) : null,
  };
}

function isCurrent({ pending, skipped, unknown }: MigrationHistory): boolean {
  return pending.length + skipped.length + unknown === 0;
}

function tagsOf(migrations: readonly Migration[]): string[] {
  return migrations.map(({ tag }) => tag);
}
