import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { type DatabaseTarget, parseDatabaseUrl } from '../connect/database-url.ts';
import { openDatabase } from '../connect/open-database.ts';
import { type Db, rowsOf } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { DatabaseUnavailableError } from '../errors.ts';

/** Where the command line is connected; no password. */
export type DatabaseDescription =
  | { kind: 'postgres'; version: string; server: string; database: string; user: string }
  | { kind: 'pglite'; version: string; directory: string };

/**
 * Opens the database, gives it to `work`, and closes it whatever happens.
 *
 * @throws {DatabaseUnavailableError} No embedded database is there: a command that reads must not make one.
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

/** @throws {DatabaseUnavailableError} The URL names a directory that holds no embedded database. */
export function requireDatabase(target: DatabaseTarget): void {
  if (target.kind === 'postgres' || existsSync(join(target.directory, 'PG_VERSION'))) return;
  throw new DatabaseUnavailableError(
    `There is no embedded database in ${target.directory}: set DATABASE_URL or --database, or make one with: colpali-vectors migrate`,
  );
}

/** The database as a user knows it. */
export async function describeDatabase(
  db: Db,
  url: string | undefined,
): Promise<DatabaseDescription> {
  const target = parseDatabaseUrl(url);
  const [about] = rowsOf<{ version: string; database: string; user: string }>(
    await db.execute(sql`
      select current_setting('server_version') as version, current_database() as database, current_user as "user"`),
  );
  const { version = '?', database = '?', user = '?' } = about ?? {};
  return target.kind === 'postgres'
    ? { kind: 'postgres', version, server: serverOf(target.url), database, user }
    : { kind: 'pglite', version, directory: target.directory };
}

/** Host and port of a server's URL, as they stand there. */
function serverOf(url: string): string {
  const authority = /^[^:]+:\/\/([^/?#]*)/.exec(url)?.[1] ?? '';
  // What comes before the last @ is user and password.
  return authority.slice(authority.lastIndexOf('@') + 1);
}
