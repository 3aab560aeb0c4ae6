import { parseDatabaseUrl } from '../connect/database-url.ts';
import { type ConnectOptions, openDatabaseAt } from '../connect/open-database.ts';
import { requireDatabase } from '../connect/pglite.ts';
import { requireSsl } from '../connect/tls.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { isTransaction, uniform } from '../uniform-db.ts';

/** The database that `migrate`, `rollback` and `migrationStatus` work on: a URL or an open database. */
export interface MigrationTarget extends ConnectOptions {
  /** The database, as for `openDatabase`. {@defaultValue DATABASE_URL, else `.pglite`} */
  url?: string | undefined;
  /** Any Drizzle database for PostgreSQL, instead of `url`. It stays open. */
  db?: Db | undefined;
}

const urlPath: InputPath = ['options', 'url'];

/**
 * Runs `work` on the database, and closes it if it was opened here.
 *
 * @param mustExist - If true, a PGlite directory that does not exist is an error. If false, it is created.
 * @throws {InvalidInputError} The URL or the database is not valid, or both are given.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function withTargetDatabase<Result>(
  { url, ssl, db }: MigrationTarget,
  { mustExist }: { mustExist: boolean },
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  requireSsl(ssl, ['options', 'ssl']);
  if (db === undefined) return withOpenedDatabase({ url, ssl, mustExist }, work);
  for (const [name, value] of Object.entries({ url, ssl })) {
    if (value === undefined) continue;
    throw new InvalidInputError(['options', name], 'cannot be combined with options.db');
  }
  const host = uniform(db);
  if (isTransaction(host)) {
    throw new InvalidInputError(
      ['options', 'db'],
      'must be a database, not a transaction: migrations run in a transaction of their own',
    );
  }
  return withLedgerErrors(() => work(host));
}

async function withOpenedDatabase<Result>(
  { url, ssl, mustExist }: MigrationTarget & { mustExist: boolean },
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  const target = parseDatabaseUrl(url, urlPath);
  if (target.kind === 'pglite' && target.directory.startsWith('memory://')) {
    throw new InvalidInputError(
      urlPath,
      'memory:// is a new database each time it is opened: open it once with openDatabase() and pass its db as options.db',
    );
  }
  if (mustExist) requireDatabase(target);
  const { db, close } = await openDatabaseAt(url, urlPath, { ssl });
  try {
    return await withLedgerErrors(() => work(uniform(db)));
  } finally {
    await close();
  }
}
