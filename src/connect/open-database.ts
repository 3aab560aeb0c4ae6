import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type { InputPath } from '../errors.ts';
import type * as schema from '../schema.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { openPGlite } from './pglite.ts';
import { openPostgres } from './postgres.ts';

/** A database that `openDatabase` opened. */
export interface OpenDatabase {
  /** A Drizzle database that knows the package's schema: `db.query.vectors.findMany()`. */
  db: PgDatabase<PgQueryResultHKT, typeof schema>;
  /** Closes the connections. On a server, it waits up to five seconds for running queries. */
  close(): Promise<void>;
}

/**
 * Opens a PostgreSQL server with postgres.js, or an embedded database with PGlite.
 *
 * It does not migrate the database. It connects to a server only when the first query runs.
 *
 * @param url - `postgres://...` for a server, or a directory for PGlite, which creates it if it does not exist.
 *   The pool has up to ten connections to a server; `?max=20` in the URL changes that.
 *   {@defaultValue the environment variable DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} The URL is not valid.
 * @throws {DatabaseUnavailableError} PGlite cannot open the directory, or `@electric-sql/pglite` is not installed.
 *
 * @example
 * ```ts
 * const { db, close } = await openDatabase('postgres://app@localhost/app');
 * const repository = createVectorRepository(db);
 * console.log(await repository.findByPage(7, 3));
 * await close();
 * ```
 */
export function openDatabase(url?: string): Promise<OpenDatabase> {
  return openDatabaseAt(url, ['url']);
}

/** Opens a database like `openDatabase`. Errors name `path` as the place of an invalid URL. */
export async function openDatabaseAt(
  url: string | undefined,
  path: InputPath,
): Promise<OpenDatabase> {
  const target = parseDatabaseUrl(url, path);
  return target.kind === 'postgres' ? openPostgres(target.url, path) : openPGlite(target.directory);
}
