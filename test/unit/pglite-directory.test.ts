import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest';
import { lockDirectory } from '../../src/connect/directory-lock.ts';
import {
  DatabaseUnavailableError,
  migrate,
  migrationStatus,
  openDatabase,
  rollback,
} from '../../src/index.ts';
import { bundled } from '../support/bundled.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';
import { thrownBy } from '../support/thrown-by.ts';

const folder = useTemporaryFolder();
let directory: string;
let lockFile: string;
let number = 0;
/** Undoes what a test has started. */
const cleanUp: (() => unknown)[] = [];

beforeEach(() => {
  number += 1;
  directory = join(folder(), `database-${number}`);
  lockFile = `${directory}.lock`;
});
afterEach(async () => {
  for (const undo of cleanUp.splice(0)) await undo();
  rmSync(directory, { recursive: true, force: true });
});

/** Makes the directory a database. */
function fillDirectory(): void {
  cpSync(inject('emptyPGlite'), directory, { recursive: true });
}

/** Starts a process that opens the directory. Returns it with the first line that it prints. */
async function startProcess(): Promise<{ child: ChildProcess; says: string }> {
  const child = spawn(process.execPath, [bundled('hold-pglite-process'), directory], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanUp.push(() => child.kill('SIGKILL'));
  const [line] = await once(child.stdout as NonNullable<typeof child.stdout>, 'data');
  return { child, says: String(line).trim() };
}

/** Writes a lock file that says who has the directory. */
function writeLock(owner: object, ageMs = 0): void {
  const here = { pid: process.pid, thread: 0, host: hostname(), startedAt: null, token: 'other' };
  writeFileSync(lockFile, JSON.stringify({ ...here, ...owner }));
  const time = new Date(Date.now() - ageMs);
  utimesSync(lockFile, time, time);
}

describe('a directory that a process has open', () => {
  beforeEach(fillDirectory);

  test('cannot be opened by another process, until the first is killed', async () => {
    const { child, says } = await startProcess();
    expect(says).toBe('open');
    for (const work of [
      () => openDatabase(directory),
      () => migrate({ url: directory }),
      () => rollback({ url: directory }),
      () => migrationStatus({ url: directory }),
    ]) {
      const error = await thrownBy(work());
      expect(error).toBeInstanceOf(DatabaseUnavailableError);
      expect((error as Error).message).toContain(`already open in process ${child.pid}.`);
    }
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(existsSync(lockFile)).toBe(true);
    const { close } = await openDatabase(directory);
    await close();
    expect(existsSync(lockFile)).toBe(false);
  });

  test('cannot be opened by two processes that start at the same time', async () => {
    const said = (await Promise.all([startProcess(), startProcess()])).map(({ says }) => says);
    expect(said.sort()).toEqual([
      expect.stringMatching(/^DatabaseUnavailableError: .*already open in process/),
      'open',
    ]);
  });

  test('cannot be opened by another thread', async () => {
    const { close } = await openDatabase(directory);
    const worker = new Worker(bundled('hold-pglite-process'), { workerData: directory });
    cleanUp.push(() => worker.terminate());
    const [message] = await once(worker, 'message');
    expect(message).toContain(`already open in another thread of this process (${process.pid})`);
    await close();
  });

  test('is shared by all copies of the package in a thread, under every name', async () => {
    vi.resetModules();
    const copy = await import('../../src/index.ts');
    expect(copy.openDatabase).not.toBe(openDatabase);
    const link = `${directory}-link`;
    symlinkSync(directory, link);
    const [one, two, three] = [
      await openDatabase(directory),
      await copy.openDatabase(directory),
      await copy.openDatabase(link),
    ];
    await one.db.execute('create table shared (id integer)');
    await one.close();
    await two.db.execute('insert into shared values (1)');
    await two.close();
    expect(await three.db.execute('select id from shared')).toMatchObject({ rows: [{ id: 1 }] });
    await three.close();
    expect(existsSync(lockFile)).toBe(false);
  });
});

describe('the lock file of', () => {
  test.each([
    ['a process that does not exist', { pid: 2 ** 22 + 1 }],
    ['an earlier process with the same id', { startedAt: '1' }],
    ['a host without a sign of life for 30 seconds', { host: 'other', age: 31_000 }],
    ['a container without a sign of life for 30 seconds', { pidNamespace: 'other', age: 31_000 }],
  ])('%s is taken over', (_, lock) => {
    const { age, ...owner } = lock as { age?: number };
    writeLock({ pidNamespace: namespaceOfThisProcess(), ...owner }, age);
    lockDirectory(directory).release();
    expect(existsSync(lockFile)).toBe(false);
  });

  test.each([
    [
      'a host that gave a sign of life',
      { pid: 7, host: 'other', age: 20_000 },
      'process 7 on host other',
    ],
    [
      'a container that gave a sign of life',
      { pid: 7, pidNamespace: 'other', age: 20_000 },
      'process 7 on host',
    ],
    ['a process that runs', { pid: process.ppid, age: 90_000 }, `process ${process.ppid}`],
  ])('%s is respected', (_, { age, ...owner }, name) => {
    writeLock({ pidNamespace: namespaceOfThisProcess(), ...owner }, age);
    expect(() => lockDirectory(directory)).toThrow(DatabaseUnavailableError);
    expect(() => lockDirectory(directory)).toThrow(name);
    expect(JSON.parse(readFileSync(lockFile, 'utf8'))).toMatchObject({ token: 'other' });
  });

  test('a process that was killed while it wrote it is taken over after 30 seconds', () => {
    writeFileSync(lockFile, '{"pid"');
    expect(() => lockDirectory(directory)).toThrow(DatabaseUnavailableError);
    const time = new Date(Date.now() - 31_000);
    utimesSync(lockFile, time, time);
    lockDirectory(directory).release();
  });
});

describe('a lock', () => {
  test('renews the time of its file every five seconds', () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    cleanUp.push(() => vi.useRealTimers());
    const { release } = lockDirectory(directory);
    const long = new Date(Date.now() - 60_000);
    utimesSync(lockFile, long, long);
    vi.advanceTimersByTime(5_000);
    expect(statSync(lockFile).mtimeMs).toBeGreaterThan(long.getTime() + 30_000);
    release();
  });

  test('that another process has taken over is not changed or removed', () => {
    const { release } = lockDirectory(directory);
    writeLock({});
    release();
    expect(existsSync(lockFile)).toBe(true);
  });

  test('ends with its process', async () => {
    const module = JSON.stringify(bundled('directory-lock'));
    const code = `const { lockDirectory } = await import(${module});
      lockDirectory(${JSON.stringify(directory)});
      console.log(require('node:fs').existsSync(${JSON.stringify(lockFile)}));
      process.exit();`;
    const child = spawn(process.execPath, ['-e', `(async () => { ${code} })()`]);
    const [said] = await once(child.stdout, 'data');
    await once(child, 'close');
    expect(String(said)).toBe('true\n');
    expect(existsSync(lockFile)).toBe(false);
  });
});

function namespaceOfThisProcess(): string {
  return existsSync('/proc/self/ns/pid') ? readlinkSync('/proc/self/ns/pid') : '';
}

test('a directory of another version of PostgreSQL is rejected, and both versions are named', async () => {
  fillDirectory();
  writeFileSync(join(directory, 'PG_VERSION'), '15\n');
  const error = await thrownBy(openDatabase(directory));
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect((error as Error).message).toMatch(/written by PostgreSQL 15, .* is PostgreSQL \d\d\./);
  expect(existsSync(lockFile)).toBe(false);
});

test('functions that only read do not create a directory', async () => {
  const parent = join(folder(), 'empty');
  mkdirSync(parent);
  const url = join(parent, 'database');
  for (const work of [() => migrationStatus({ url }), () => rollback({ url, all: true })]) {
    const error = await thrownBy(work());
    expect(error).toBeInstanceOf(DatabaseUnavailableError);
    expect((error as Error).message).toContain('there is no embedded database in');
  }
  expect(readdirSync(parent)).toEqual([]);
});

test('a directory whose parent does not exist is reported as unavailable', async () => {
  const error = await thrownBy(openDatabase(join(folder(), 'no', 'such', 'folder')));
  expect(error).toBeInstanceOf(DatabaseUnavailableError);
  expect((error as Error).message).toContain('ENOENT');
});
