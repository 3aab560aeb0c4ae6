import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import type { InputPath } from '../errors.ts';
import { requireOptions } from '../require.ts';
import type * as schema from '../schema.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { openPGlite } from './pglite.ts';
import { openPostgres } from './postgres.ts';
import { requireSsl, type SslOptions } from './tls.ts';

/** A database that `openDatabase` opened. */
export interface OpenDatabase {
  /** A Drizzle database that knows the package's schema: `db.query.vectors.findMany()`. */
  db: PgDatabase<PgQueryResultHKT, typeof schema>;
  /** Closes the connections. On a server, it waits up to five seconds for running queries. */
  close(): Promise<void>;
}

/** How to connect to a server. */
export interface ConnectOptions {
  /**
   * How to use TLS, for example with the certificate of a private authority: `{ ca }`. `true` encrypts the connection
   * and verifies the server. It replaces what the URL says about TLS. PGlite ignores it.
   * {@defaultValue as the URL says}
   */
  ssl?: SslOptions | boolean | undefined;
}

/**
 * Opens a PostgreSQL server with postgres.js, or an embedded database with PGlite.
 *
 * It does not migrate the database. It connects to a server only when the first query runs.
 *
 * @param url - `postgres://...` for a server, or a directory for PGlite, which creates it if it does not exist.
 *   The pool has up to ten connections to a server; `?max=20` in the URL changes that. docs/connecting.md lists the
 *   parameters of URLs.
 *   {@defaultValue the environment variable DATABASE_URL, else `.pglite`; in production (NODE_ENV) it is required}
 * @throws {InvalidInputError} The URL or an option is not valid.
 * @throws {DatabaseUnavailableError} PGlite cannot open the directory, another process has it open, or
 *   `@electric-sql/pglite` is not installed.
 *
 * @example
 * ```ts
 * const { db, close } = await openDatabase('postgres://app@localhost/app');
 * const repository = createVectorRepository(db);
 * console.log(await repository.findByPage(7, 3));
 * await close();
 * ```
 */
export async function openDatabase(
  url?: string,
  options: ConnectOptions = {},
): Promise<OpenDatabase> {
  requireOptions(options, { ssl: requireSsl });
  return openDatabaseAt(url, ['url'], options);
}

/** Opens a database like `openDatabase`. Errors name `path` as the place of an invalid URL. */
export async function openDatabaseAt(
  url: string | undefined,
  path: InputPath,
  { ssl }: ConnectOptions = {},
): Promise<OpenDatabase> {
  const target = parseDatabaseUrl(url, path);
  return target.kind === 'postgres'
    ? openPostgres(target.url, path, { ssl })
    : openPGlite(target.directory);
}
