import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import { DatabaseUnavailableError } from '../errors.ts';
import { importOptional } from './import-optional.ts';

/**
 * Starts PGlite.
 *
 * @throws {DatabaseUnavailableError} `@electric-sql/pglite` is not installed, or it cannot open the directory.
 */
export async function startPGlite(dataDirectory: string): Promise<PGlite> {
  const { PGlite } = await importPGlite();
  return PGlite.create(dataDirectory).catch(async (cause: unknown) => {
    const { message, errno } = Object(cause);
    const reason =
      (await describeOtherVersion(dataDirectory, PGlite)) ?? message ?? `errno ${errno}`;
    throw new DatabaseUnavailableError(
      `Cannot open the embedded database in ${dataDirectory}: ${reason}`,
      { cause },
    );
  });
}

async function importPGlite(): Promise<typeof import('@electric-sql/pglite')> {
  try {
    return (await importOptional([
      '@electric-sql',
      'pglite',
    ])) as typeof import('@electric-sql/pglite');
  } catch (cause) {
    throw new DatabaseUnavailableError(
      'The embedded database requires the package @electric-sql/pglite: install it, or set DATABASE_URL to a postgres:// URL',
      { cause },
    );
  }
}

/** Explains a failed start if the files belong to another version of PostgreSQL. PGlite does not say so. */
async function describeOtherVersion(
  directory: string,
  { create }: typeof PGlite,
): Promise<string | undefined> {
  const file = join(directory, 'PG_VERSION');
  if (isInMemory(directory) || !existsSync(file)) return undefined;
  const found = readFileSync(file, 'utf8').trim();
  const client = await create('memory://');
  const { rows } = await client.query<{ own: string }>(
    `select split_part(current_setting('server_version'), '.', 1) as own`,
  );
  await client.close();
  const own = rows[0]?.own;
  if (found === own) return undefined;
  return (
    `the files in it were written by PostgreSQL ${found}, and the installed @electric-sql/pglite is PostgreSQL ${own}. ` +
    'Export the pages with the version of PGlite that wrote them, and import them into a new directory'
  );
}

/** Whether PGlite keeps no files. */
export function isInMemory(directory: string): boolean {
  return directory.startsWith('memory://');
}
