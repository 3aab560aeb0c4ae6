import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';
import * as schema from '../schema.ts';
import { parseDatabaseUrl } from './database-url.ts';
import { sharePGlite } from './pglite.ts';
import { closePostgres, connectPostgres } from './postgres.ts';

/** A database that `openDatabase` opened. */
export interface OpenDatabase {
  /** Knows the package's schema: `db.query.vectors.findMany()`. */
  db: PgDatabase<PgQueryResultHKT, typeof schema>;
  /** Ends the connections, after queries under way have ended or five seconds have passed. */
  close(): Promise<void>;
}

/**
 * Opens the database that `url` names: a server through postgres.js, or an embedded PGlite.
 *
 * It does not migrate; a server is not contacted before the first query.
 *
 * @param url - `postgres://...`, or a directory for PGlite, which is made if need be. A server is given up to
 *   ten connections, or as many as `?max=20` says.
 *   {@defaultValue the environment variable DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} The URL is none.
 * @throws {DatabaseUnavailableError} The URL names a directory that cannot be used, or
 *   `@electric-sql/pglite` is not installed.
 */
export async function openDatabase(url?: string): Promise<OpenDatabase> {
  const target = parseDatabaseUrl(url);
  return target.kind === 'postgres' ? openServer(target.url) : openPGlite(target.directory);
}

async function openServer(url: string): Promise<OpenDatabase> {
  const { drizzle } = await import('drizzle-orm/postgres-js');
  const client = await connectPostgres(url);
  return {
    db: drizzle({ client, schema }),
    close: () => closePostgres(client),
  };
}

async function openPGlite(directory: string): Promise<OpenDatabase> {
  // PGlite first: where it is not installed, drizzle-orm/pglite cannot be imported either.
  const { client, release } = await sharePGlite(directory);
  const { drizzle } = await import('drizzle-orm/pglite');
  return { db: drizzle({ client, schema }), close: release };
}
