import { InvalidInputError } from './errors.ts';

/** What a database URL names: a PostgreSQL server, or a directory that PGlite keeps its files in. */
export type DatabaseTarget =
  | { kind: 'postgres'; url: string }
  | { kind: 'pglite'; directory: string };

/** Where the embedded database lies when no URL says otherwise, relative to the working directory. */
export const defaultPGliteDirectory = '.pglite';

/**
 * Reads a database URL: `postgres://` and `postgresql://` name a server, anything without a scheme
 * names a PGlite directory, `memory://` a PGlite that keeps nothing.
 *
 * @param url - {@defaultValue the environment variable DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} The URL has another scheme. The message does not repeat it.
 */
export function parseDatabaseUrl(
  url: string = process.env['DATABASE_URL'] || defaultPGliteDirectory,
): DatabaseTarget {
  const scheme = /^([a-z][a-z0-9+.-]+):\/\//i.exec(url)?.[1]?.toLowerCase();
  if (scheme === 'postgres' || scheme === 'postgresql') return { kind: 'postgres', url };
  if (scheme === undefined || scheme === 'memory') return { kind: 'pglite', directory: url };
  throw new InvalidInputError(
    ['url'],
    `must start with postgres:// or be a directory for PGlite, not start with ${scheme}://`,
  );
}
