import { type InputPath, InvalidInputError } from '../errors.ts';
import { describeServer, parseServerUrl } from './server-url.ts';
import { readUrlParameters } from './url-parameters.ts';

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
 * @param url - {@defaultValue the environment variable DATABASE_URL, else `.pglite`; in production it is required}
 * @param path - Where the caller's arguments contain the URL, for the error. {@defaultValue `['url']`}
 * @throws {InvalidInputError} The URL is not valid. The message never repeats it, because it may contain a password.
 */
export function parseDatabaseUrl(
  url: string | undefined = process.env['DATABASE_URL'] || undefined,
  path: InputPath = ['url'],
): DatabaseTarget {
  if (url === undefined) return { kind: 'pglite', directory: defaultDirectory(path) };
  if (typeof url !== 'string' || url === '') {
    throw new InvalidInputError(
      path,
      'must be a non-empty string: a postgres:// URL, or a directory for PGlite',
    );
  }
  if (/[\p{Cc}\p{Cs}\u2028\u2029]/u.test(url)) {
    throw new InvalidInputError(
      path,
      'must not contain line breaks, other control characters or unpaired surrogates',
    );
  }
  if (/^postgres(ql)?:\/\//i.test(url)) {
    readUrlParameters(parseServerUrl(url, path).parameters, path);
    return { kind: 'postgres', url };
  }
  if (!url.startsWith('memory://') && !isDirectory(url)) {
    throw new InvalidInputError(
      path,
      'must start with postgres:// or postgresql://, or be a directory for PGlite',
    );
  }
  return { kind: 'pglite', directory: url };
}

/** Names a database for people, without the user and the password. */
export function describeTarget(target: DatabaseTarget): string {
  return target.kind === 'postgres'
    ? describeServer(parseServerUrl(target.url, ['url']))
    : `PGlite in ${target.directory}`;
}

/** @throws {InvalidInputError} NODE_ENV is production, where a service must not start on a new, empty database. */
function defaultDirectory(path: InputPath): string {
  if (process.env['NODE_ENV'] !== 'production') return defaultPGliteDirectory;
  throw new InvalidInputError(
    path,
    'is required if NODE_ENV is production: pass a URL or set DATABASE_URL',
  );
}

/** Whether the text looks like a directory. PGlite would create a directory even for a mistake in DATABASE_URL. */
function isDirectory(text: string): boolean {
  if (/^(\.{0,2}|[a-z]:)[\\/](?!\/)/i.test(text)) return !text.includes('://');
  const isUnset = /^(undefined|null|true|false|NaN|\[object \w+\])$/.test(text);
  const isOther = /:\/\/|[@=;$%]|^[\s"']|\s$|^[\w.-]+:/;
  return !isUnset && !isOther.test(text);
}
