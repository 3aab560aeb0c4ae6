import { resolve } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { PgliteDatabase } from 'drizzle-orm/pglite';
import { DatabaseUnavailableError } from '../errors.ts';
import { once } from '../once.ts';
import * as schema from '../schema.ts';
import { listenToNotices, type NoticeListener } from './pglite-notices.ts';

/** A Drizzle database on PGlite. */
export interface OpenPGlite {
  db: PgliteDatabase<typeof schema>;
  /** Closes PGlite if nobody else in this process uses the directory. */
  close(): Promise<void>;
}

/**
 * Opens an embedded database.
 *
 * @param directory - Where PGlite keeps its files; it creates the directory if needed. `memory://` keeps no files.
 * @param onNotice - Receives the notices and warnings of the queries that use this `db`.
 * @throws {DatabaseUnavailableError} `@electric-sql/pglite` is not installed, or it cannot open the directory.
 */
export async function openPGlite(
  directory: string,
  onNotice?: NoticeListener,
): Promise<OpenPGlite> {
  // Before drizzle-orm/pglite, which cannot be imported if PGlite is not installed.
  const { client, release } = await sharePGlite(directory);
  const { drizzle } = await import('drizzle-orm/pglite');
  return {
    db: drizzle({
      client: onNotice === undefined ? client : listenToNotices(client, onNotice),
      schema,
    }),
    close: release,
  };
}

/** One PGlite instance and the number of callers that use it. */
interface SharedPGlite {
  client: Promise<PGlite>;
  users: number;
}

/** The instances that this process has open, by absolute path. */
const openInstances = new Map<string, SharedPGlite>();

/** The instances that are closing, by absolute path. Their files must not be opened yet. */
const closingInstances = new Map<string, Promise<void>>();

/**
 * Returns the process's only PGlite for a directory, and starts it if needed.
 *
 * Two instances on the same files corrupt them. PGlite does not prevent that. This function does, but only within
 * one process.
 */
async function sharePGlite(
  directory: string,
): Promise<{ client: PGlite; release(): Promise<void> }> {
  if (directory.startsWith('memory://')) {
    const client = await startPGlite(directory);
    return { client, release: () => client.close() };
  }

  const path = resolve(directory);
  const shared = openInstances.get(path) ?? addInstance(path);
  shared.users += 1;
  try {
    // Calling `release` a second time only waits for the first call to finish.
    return { client: await shared.client, release: once(() => releasePGlite(path, shared)) };
  } catch (error) {
    openInstances.delete(path);
    throw error;
  }
}

function addInstance(path: string): SharedPGlite {
  const closed = closingInstances.get(path) ?? Promise.resolve();
  const shared = { client: closed.then(() => startPGlite(path)), users: 0 };
  openInstances.set(path, shared);
  return shared;
}

async function releasePGlite(path: string, shared: SharedPGlite): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0) return;
  openInstances.delete(path);
  const closed = shared.client.then((client) => client.close());
  closingInstances.set(path, closed);
  await closed.finally(() => closingInstances.delete(path));
}

async function startPGlite(dataDirectory: string): Promise<PGlite> {
  const { PGlite } = await import('@electric-sql/pglite').catch((cause: unknown) => {
    throw new DatabaseUnavailableError(
      'The embedded database requires the package @electric-sql/pglite: install it, or set DATABASE_URL to a postgres:// URL',
      { cause },
    );
  });
  return PGlite.create(dataDirectory).catch((cause: unknown) => {
    const { message, errno } = Object(cause);
    throw new DatabaseUnavailableError(
      `Cannot open the embedded database in ${dataDirectory}: ${message ?? `errno ${errno}`}`,
      { cause },
    );
  });
}
