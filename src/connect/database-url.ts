import { type InputPath, InvalidInputError } from '../errors.ts';

/** The database that a URL refers to: a PostgreSQL server, or the directory of a PGlite database. */
export type DatabaseTarget =
  | { kind: 'postgres'; url: string }
  | { kind: 'pglite'; directory: string };

/** The directory of the embedded database if no URL is given, relative to the working directory. */
export const defaultPGliteDirectory = '.pglite';

/**
 * Reads a database URL: `postgres://` and `postgresql://` mean a server, `memory://` means a PGlite
 * database in memory, and a path means the directory of a PGlite database.
 *
 * @param url - {@defaultValue the environment variable DATABASE_URL, else `.pglite`}
 * @param path - Where the caller's arguments contain the URL, for the error. {@defaultValue `['url']`}
 * @throws {InvalidInputError} The URL is not valid. The message never repeats it, because it may contain a password.
 */
export function parseDatabaseUrl(
  url: string = process.env['DATABASE_URL'] || defaultPGliteDirectory,
  path: InputPath = ['url'],
): DatabaseTarget {
  if (typeof url !== 'string' || url === '') {
    throw new InvalidInputError(
      path,
      'must be a non-empty string: a postgres:// URL, or a directory for PGlite',
    );
  }
  if (/^postgres(ql)?:\/\//i.test(url)) return { kind: 'postgres', url };
  // Without this check, PGlite would create a directory named after a mistyped URL.
  const looksLikeUrl =
    /:\/\/|@|^[\s"']|^(postgres(ql)?|jdbc):|^[\w.-]+:\d+(\/|$)|\b(host|password)=/i;
  if (!url.startsWith('memory://') && looksLikeUrl.test(url)) {
    throw new InvalidInputError(
      path,
      'must start with postgres:// or postgresql://, or be a directory for PGlite',
    );
  }
  return { kind: 'pglite', directory: url };
}
