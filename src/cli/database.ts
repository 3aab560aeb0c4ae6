import { parseDatabaseUrl } from '../connect/database-url.ts';
import { openDatabase } from '../connect/open-database.ts';
import { requireDatabase } from '../connect/pglite.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';

/**
 * Opens the database, runs `work` and closes the database.
 *
 * @throws {DatabaseUnavailableError} The embedded database does not exist. Only `migrate` creates one.
 */
export async function withDatabase<Result>(
  url: string | undefined,
  work: (db: Db) => Promise<Result>,
): Promise<Result> {
  requireDatabase(parseDatabaseUrl(url));
  const { db, close } = await openDatabase(url);
  try {
    return await withLedgerErrors(() => work(db));
  } finally {
    await close();
  }
}
