import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { PGlite } from '@electric-sql/pglite';
import type { PgliteDatabase } from 'drizzle-orm/pglite';
import { DatabaseUnavailableError } from '../errors.ts';
import { once } from '../once.ts';
import * as schema from '../schema.ts';
import type { DatabaseTarget } from './database-url.ts';
import { lockDirectory, realPath } from './directory-lock.ts';
import { importOptional } from './import-optional.ts';
import { isInMemory, startPGlite } from './start-pglite.ts';

/** A Drizzle database on PGlite. */
export interface OpenPGlite {
  db: PgliteDatabase<typeof schema>;
  /** Closes PGlite, unless another caller in this thread uses the directory. */
  close(): Promise<void>;
}

/**
 * Opens an embedded database.
 *
 * @param directory - Where PGlite keeps its files; it creates the directory if needed. `memory://` keeps no files.
 * @throws {DatabaseUnavailableError} `@electric-sql/pglite` is not installed, or it cannot open the directory, or
 *   another process has the directory open.
 */
export async function openPGlite(directory: string): Promise<OpenPGlite> {
  // First, because importing drizzle-orm/pglite fails with a worse error if PGlite is not installed.
  const { client, release } = await sharePGlite(directory);
  const { drizzle } = (await importOptional([
    'drizzle-orm',
    'pglite',
  ])) as typeof import('drizzle-orm/pglite');
  return { db: drizzle({ client, schema }), close: release };
}

/**
 * Checks that a PGlite database exists, for callers that must not create one.
 *
 * @throws {DatabaseUnavailableError} The directory does not contain an embedded database.
 */
export function requireDatabase(target: DatabaseTarget): void {
  if (target.kind === 'postgres' || isInMemory(target.directory)) return;
  if (existsSync(join(target.directory, 'PG_VERSION'))) return;
  throw new DatabaseUnavailableError(
    `there is no embedded database in ${target.directory}; set --database or DATABASE_URL, or create one with "colpali-vectors migrate"`,
  );
}

/** One PGlite instance and the number of callers that use it. */
interface SharedPGlite {
  client: Promise<PGlite>;
  users: number;
}

/** The instances of this thread, by absolute path. All copies of this package that it has loaded share them. */
interface Registry {
  open: Map<string, SharedPGlite>;
  /** The instances that are closing. Their files must not be opened yet. */
  closing: Map<string, Promise<void>>;
}

const registryKey = Symbol.for('colpali-vectors.pglite');

function registry(): Registry {
  const global = globalThis as { [registryKey]?: Registry };
  global[registryKey] ??= { open: new Map(), closing: new Map() };
  return global[registryKey];
}

/** Returns the thread's only PGlite for a directory, and starts it if needed. */
async function sharePGlite(
  directory: string,
): Promise<{ client: PGlite; release(): Promise<void> }> {
  if (isInMemory(directory)) {
    const client = await startPGlite(directory);
    return { client, release: () => client.close() };
  }

  const path = realPath(directory);
  const shared = registry().open.get(path) ?? addInstance(path);
  shared.users += 1;
  try {
    // Calling `release` a second time only waits for the first call to finish.
    return { client: await shared.client, release: once(() => releasePGlite(path, shared)) };
  } catch (error) {
    registry().open.delete(path);
    throw error;
  }
}

function addInstance(path: string): SharedPGlite {
  const closed = registry().closing.get(path) ?? Promise.resolve();
  const shared = { client: closed.then(() => startLocked(path)), users: 0 };
  registry().open.set(path, shared);
  return shared;
}

async function releasePGlite(path: string, shared: SharedPGlite): Promise<void> {
  shared.users -= 1;
  if (shared.users > 0) return;
  registry().open.delete(path);
  const closed = shared.client.then((client) => client.close());
  registry().closing.set(path, closed);
  await closed.finally(() => registry().closing.delete(path));
}

/** Starts PGlite on a directory that nobody else has open. Closing it releases the directory. */
async function startLocked(path: string): Promise<PGlite> {
  const lock = lockDirectory(path);
  try {
    const client = await startPGlite(path);
    const close = client.close.bind(client);
    client.close = () => close().finally(lock.release);
    return client;
  } catch (error) {
    lock.release();
    throw error;
  }
}
