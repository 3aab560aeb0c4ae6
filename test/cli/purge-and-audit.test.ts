import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { beforeEach, describe, expect, test } from 'vitest';
import { useCliLedger } from '../support/cli-ledger.ts';
import { freePort } from '../support/free-port.ts';
import { runCli, startCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const ledger = useCliLedger();
const folder = useTemporaryFolder();
const options = (env: Record<string, string> = {}) => ({
  cwd: folder(),
  env: { DATABASE_URL: ledger().url, ...env },
});
const run = (...args: string[]) => runCli(args, options());

/** A user's module: its vector store is the file ids.json in the working directory. */
const functions = `
const { existsSync, readFileSync, renameSync, writeFileSync } = process.getBuiltinModule('node:fs');
const read = () => JSON.parse(readFileSync('ids.json', 'utf8'));
async function deleteVectors(ids, { signal }) {
  const { SLOW_MS, REJECT } = process.env;
  if (REJECT && existsSync(REJECT)) throw new Error('the store is down');
  writeFileSync('started', '');
  if (SLOW_MS) await new Promise((resolve) => setTimeout(resolve, Number(SLOW_MS)));
  if (signal.aborted) throw signal.reason;
  // In one step, because a test may read the file meanwhile.
  writeFileSync('ids.new', JSON.stringify(read().filter((id) => !ids.includes(id))));
  renameSync('ids.new', 'ids.json');
}
async function* listIds() { yield read(); }
async function existing(ids) { return read().filter((id) => ids.includes(id)); }
`;
const names = '{ deleteVectors, listIds, existing }';

const storedIds = () => JSON.parse(readFileSync(join(folder(), 'ids.json'), 'utf8'));
const write = (file: string, text: string) => writeFileSync(join(folder(), file), text);

beforeEach(async () => {
  rmSync(join(folder(), 'started'), { force: true });
  write('store.mjs', `${functions}\nexport ${names};`);
  write('store.cjs', `${functions}\nmodule.exports = Object.assign({}, ${names});`);
  mkdirSync(join(folder(), 'node_modules/my-store'), { recursive: true });
  write('node_modules/my-store/index.js', `${functions}\nmodule.exports = ${names};`);
  const { docId, repository } = ledger();
  await repository.upsertPages([
    { docId, page: 1, vectorIds: ['a', 'b'] },
    { docId, page: 2, vectorIds: ['c'] },
  ]);
  write('ids.json', JSON.stringify(['a', 'b', 'c']));
});

describe('purge', () => {
  test.each(['./store.mjs', 'store.mjs', './store.cjs', 'my-store'])(
    'deletes the queued ids with the module %s',
    async (store) => {
      await ledger().repository.deleteByPage(ledger().docId, 1);
      expect(await run('purge', '--store', store)).toEqual({
        code: 0,
        signal: null,
        stdout: '2 ids deleted, 0 rows left in the queue\n',
        stderr: '',
      });
      expect(storedIds()).toEqual(['c']);
    },
  );

  test('prints its counts as JSON', async () => {
    const { stdout } = await run('purge', '--store', './store.mjs', '--json');
    expect(JSON.parse(stdout)).toEqual({
      ...{ deleted: 0, spared: 0, repaired: 0, remaining: 0, stopped: false },
    });
  });

  test('fails if the store rejects a call', async () => {
    await ledger().repository.deleteByPage(ledger().docId, 1);
    const failed = await runCli(
      ['purge', '--store', './store.mjs', '--json'],
      options({ REJECT: 'ids.json' }),
    );
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(JSON.parse(failed.stderr)).toEqual({
      code: 'PURGE_FAILED',
      message: `deleteVectors failed for documents ${ledger().docId}: the store is down`,
    });
  });

  test.each([
    [['./no-such-file.js'], '/no-such-file.js\n'],
    [['no-such-file.mjs'], '--store: there is no file /'],
    [['./ids.json'], ''],
    [['./empty.mjs'], 'the module must export a function deleteVectors'],
  ])('names what is wrong with --store %s', async ([store = ''], message) => {
    write('empty.mjs', 'export const other = 1;');
    const { code, stdout, stderr } = await run('purge', '--store', store);
    expect({ code: code === 0, stdout }).toEqual({ code: false, stdout: '' });
    expect(stderr).toMatch(/^colpali-vectors: /);
    expect(stderr).toContain(message);
  });

  test.each([
    ['SIGTERM', 143],
    ['SIGINT', 130],
  ] as const)('finishes the current call after %s', async (signal, code) => {
    const { docId, repository } = ledger();
    await repository.deleteByDocument(docId);
    const args = ['purge', '--store', './store.mjs', '--batch-ids', '2', '--json'];
    const { process: child, result } = startCli(args, options({ SLOW_MS: '500' }));
    await fileExists('started');
    child.kill(signal);
    const { stdout, ...rest } = await result;
    expect(rest).toMatchObject({ code, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({
      ...{ deleted: 2, spared: 0, repaired: 0, remaining: null, stopped: true },
    });
    expect(storedIds()).toEqual(['c']);
  });
});

describe('purge --every', () => {
  const args = ['purge', '--store', './store.mjs', '--every', '1', '--json'];

  test('purges again, also after the store was down, until SIGTERM', async () => {
    const { docId, repository, db } = ledger();
    await repository.deleteByPage(docId, 1);
    write('down', '');
    const { process: child, result } = startCli(args, options({ REJECT: 'down' }));
    let stderr = '';
    child.stderr.on('data', (text) => {
      stderr += text;
    });
    while (!stderr.includes('PURGE_FAILED')) await once(child.stderr, 'data');
    rmSync(join(folder(), 'down'));
    while (storedIds().length > 1) {
      await db.execute('update vector_orphans set due_at = now()');
      await setTimeout(50);
    }
    await repository.deleteByPage(docId, 2);
    while (storedIds().length > 0) await setTimeout(50);
    child.kill('SIGTERM');
    expect(await result).toMatchObject({ code: 0, signal: null });
  });

  test('ends if the tables are missing', async () => {
    const { db } = ledger();
    await db.execute('alter table vector_orphans rename to renamed');
    const { code, stderr } = await runCli(args, options());
    await db.execute('alter table renamed rename to vector_orphans');
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'MIGRATION_FAILED' });
  });
});

describe('audit', () => {
  test('finds no difference', async () => {
    expect(await run('audit', '--store', './store.cjs', '--exit-code')).toEqual({
      code: 0,
      signal: null,
      stdout: [
        'ledger      3 vectors of 2 indexed pages',
        'store       3 ids',
        'missing     0 vectors of 0 pages',
        'untracked   0 ids, 0 queued',
        'shared      0 ids on several pages\n',
      ].join('\n'),
      stderr: '',
    });
  });

  test('lists what differs, and exits with 1 if asked', async () => {
    const { docId } = ledger();
    write('ids.json', JSON.stringify(['a', 'b', 'stray\u001b[2J']));
    const audit = ['audit', '--store', './store.mjs'];
    const { code, stdout } = await run(...audit);
    expect(code).toBe(0);
    expect(stdout).toContain(`missing     1 vector of 1 page
            document ${docId}, page 2, patch 0: c
untracked   1 id, 0 queued
            stray\\u001b[2J
`);
    expect(await run(...audit, '--exit-code')).toMatchObject({ code: 1 });
  });

  test('makes pages pending and queues ids if asked', async () => {
    write('ids.json', JSON.stringify(['a', 'b', 'stray']));
    const { stdout } = await run(
      ...['audit', '--store', './store.mjs', '--mark-missing-pending', '--queue-untracked'],
      ...['--max-untracked-share', '0.5', '--json'],
    );
    expect(JSON.parse(stdout)).toMatchObject({ untracked: { vectors: 1, queued: 1 } });
    expect(await ledger().repository.findPending()).toMatchObject([{ page: 2 }]);
    expect(await run('purge', '--store', './store.mjs')).toMatchObject({ code: 0 });
    expect(storedIds()).toEqual(['a', 'b']);
  });

  test('refuses to queue most of the store', async () => {
    write('ids.json', JSON.stringify(['x', 'y', 'a']));
    const args = ['audit', '--store', './store.mjs', '--queue-untracked', '--json'];
    const { code, stderr } = await run(...args);
    expect(code).toBe(1);
    expect(JSON.parse(stderr)).toMatchObject({ code: 'AUDIT_REFUSED' });
  });
});

test.each([
  ['audit', 'listIds', 'listIds of the store failed'],
  ['audit', 'existing', 'existing of the store failed'],
  ['purge', 'deleteVectors', 'deleteVectors failed for documents'],
])(
  '%s says that %s failed, and why, if the store cannot be reached',
  async (command, name, what) => {
    // Nothing listens on this port.
    const port = await freePort();
    write(
      'down.mjs',
      `${functions}\n${name} = async function${name === 'listIds' ? '*' : ''} () { await fetch('http://127.0.0.1:${port}'); };\nexport ${names};`,
    );
    await ledger().repository.deleteByPage(ledger().docId, 1);
    const message = new RegExp(
      `^${what}( \\d+)?: fetch failed: connect ECONNREFUSED 127\\.0\\.0\\.1:${port}$`,
    );
    const failed = await run(command, '--store', './down.mjs');
    expect(failed).toMatchObject({ code: 1, stdout: '' });
    expect(failed.stderr.trimEnd().replace('colpali-vectors: ', '')).toMatch(message);
    await ledger().db.execute('update vector_orphans set due_at = now()');
    const { stderr } = await run(command, '--store', './down.mjs', '--json');
    expect(JSON.parse(stderr).message).toMatch(message);
  },
);

test('audit says that listIds must return lists', async () => {
  write('none.mjs', `export const listIds = () => {};\nexport const existing = (ids) => ids;`);
  const { code, stderr } = await run('audit', '--store', './none.mjs');
  expect(code).toBe(2);
  expect(stderr).toContain('store.listIds: must be an array or another iterable, got undefined');
});

async function fileExists(name: string): Promise<void> {
  while (!existsSync(join(folder(), name))) await setTimeout(20);
}
