import { InvalidInputError } from '../errors.ts';

/** What a database URL names: a PostgreSQL server, or a directory that PGlite keeps its files in. */
export type DatabaseTarget =
  | { kind: 'postgres'; url: string }
  | { kind: 'pglite'; directory: string };

/** Where the embedded database lies when no URL says otherwise, relative to the working directory. */
export const defaultPGliteDirectory = '.pglite';

/**
 * Reads a database URL: `postgres://` and `postgresql://` name a server, a path names a PGlite
 * directory, `memory://` a PGlite that keeps nothing.
 *
 * @param url - {@defaultValue the environment variable DATABASE_URL, else `.pglite`}
 * @throws {InvalidInputError} It is neither. The message does not repeat it: it may hold a password.
 */
export function parseDatabaseUrl(
  url: string = process.env['DATABASE_URL'] || defaultPGliteDirectory,
): DatabaseTarget {
  if (typeof url !== 'string' || url === '') {
    throw new InvalidInputError(['url'], 'must be a URL or a directory, and not empty');
  }
  if (/^postgres(ql)?:\/\//i.test(url)) return { kind: 'postgres', url };
  // What was meant as a URL must not become a directory of that name.
  const meantAsUrl =
    /:\/\/|@|^[\s"']|^(postgres(ql)?|jdbc):|^[\w.-]+:\d+(\/|$)|\b(host|password)=/i;
  if (!url.startsWith('memory://') && meantAsUrl.test(url)) {
    throw new InvalidInputError(
      ['url'],
      'must start with postgres:// or postgresql://, or be a directory for PGlite',
    );
  }
  return { kind: 'pglite', directory: url };
}
