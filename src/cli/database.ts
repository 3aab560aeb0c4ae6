import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type DatabaseTarget, parseDatabaseUrl } from '../connect/database-url.ts';
import { openDatabase } from '../connect/open-database.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { DatabaseUnavailableError } from '../errors.ts';

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

/** @throws {DatabaseUnavailableError} The directory does not contain an embedded database. */
export function requireDatabase(target: DatabaseTarget): void {
  if (target.kind === 'postgres' || existsSync(join(target.directory, 'PG_VERSION'))) return;
  throw new DatabaseUnavailableError(
    `there is no embedded database in ${target.directory}; set --database or DATABASE_URL, or create one with "colpali-vectors migrate"`,
  );
}
