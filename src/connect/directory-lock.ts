import {
  existsSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { DatabaseUnavailableError } from '../errors.ts';
import {
  describeLockOwner,
  isGone,
  type LockOwner,
  newLockOwner,
  parseLockOwner,
} from './lock-owner.ts';

/** The lock of a PGlite directory: the file `<directory>.lock`. */
export interface DirectoryLock {
  release(): void;
}

/** How often the owner of a lock renews the time of its file. */
const heartbeatMs = 5_000;

/**
 * Takes the lock of a directory, so that only one thread of one process opens it. If two open it, they overwrite each
 * other's data and damage the files, and PGlite does not prevent that.
 *
 * The lock of a process that no longer runs is taken over at once. A process on another host or in another container
 * counts as running while its heartbeat renews the time of the file. The lock ends with the process.
 *
 * @throws {DatabaseUnavailableError} Another process or thread has the lock, or the file cannot be written.
 */
export function lockDirectory(directory: string): DirectoryLock {
  const file = `${realPath(directory)}.lock`;
  const owner = newLockOwner();
  try {
    if (!create(file, owner)) takeOver(file, owner, directory);
  } catch (error) {
    if (error instanceof DatabaseUnavailableError) throw error;
    const { code } = error as NodeJS.ErrnoException;
    throw new DatabaseUnavailableError(
      `Cannot open the embedded database in ${directory}: its lock file ${file} cannot be written (${code})`,
      { cause: error },
    );
  }
  const heartbeat = setInterval(() => {
    if (isOwnedBy(file, owner)) touch(file);
  }, heartbeatMs).unref();
  const release = () => {
    clearInterval(heartbeat);
    process.off('exit', release);
    if (isOwnedBy(file, owner)) rmSync(file, { force: true });
  };
  process.on('exit', release);
  return { release };
}

/** Creates a file; false if it exists. */
function create(file: string, content?: LockOwner): boolean {
  try {
    writeFileSync(file, content === undefined ? '' : JSON.stringify(content), { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Replaces the lock of an owner who is gone. A second file lets only one process at a time do this. */
function takeOver(file: string, owner: LockOwner, directory: string): void {
  requireGone(file, directory);
  const guard = `${file}.takeover`;
  if (silentMs(guard) > heartbeatMs) rmSync(guard, { force: true });
  if (!create(guard)) throw inUse(directory, 'another process');
  try {
    // Another process may have taken over the lock since the first check.
    requireGone(file, directory);
    rmSync(file, { force: true });
    if (!create(file, owner)) throw inUse(directory, 'another process');
  } finally {
    rmSync(guard, { force: true });
  }
}

/** @throws {DatabaseUnavailableError} The owner of the lock still runs. */
function requireGone(file: string, directory: string): void {
  const silence = silentMs(file);
  const owner = parseLockOwner(readIfExists(file));
  if (silence === 0 || isGone(owner, silence)) return;
  throw inUse(directory, owner === undefined ? 'another process' : describeLockOwner(owner));
}

function inUse(directory: string, by: string): DatabaseUnavailableError {
  return new DatabaseUnavailableError(
    `The embedded database in ${directory} is already open in ${by}. Only one process at a time can open it: ` +
      'stop the other one, or use a PostgreSQL server',
  );
}

function isOwnedBy(file: string, { token }: LockOwner): boolean {
  return parseLockOwner(readIfExists(file))?.token === token;
}

function readIfExists(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function touch(file: string): void {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The file was removed, or its disk is full or read-only. The next heartbeat tries again.
  }
}

/** How long ago a file was last written, in milliseconds; 0 if it does not exist. */
function silentMs(file: string): number {
  const time = statSync(file, { throwIfNoEntry: false })?.mtimeMs;
  return time === undefined ? 0 : Math.max(1, Date.now() - time);
}

/** The absolute path of a directory that may not exist yet, without symbolic links. */
export function realPath(directory: string): string {
  const path = resolve(directory);
  if (existsSync(path)) return realpathSync(path);
  const parent = dirname(path);
  return existsSync(parent) ? join(realpathSync(parent), basename(path)) : path;
}
