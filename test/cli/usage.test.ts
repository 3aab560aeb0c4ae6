import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { useServerDatabase } from '../support/database.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const commands = [
  ...['migrate', 'rollback', 'status', 'show', 'locate', 'pending', 'import', 'export'],
  ...['purge', 'audit', 'stats', 'generate', 'partition', 'distribute'],
];

test('--help lists every command', async () => {
  const { code, stdout, stderr } = await runCli(['--help']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
});

test.each(commands)('%s --help shows an example', async (command) => {
  const help = await runCli([command, '--help']);
  expect(help).toMatchObject({ code: 0, stderr: '' });
  expect(help.stdout).toMatch(new RegExp(`^ {2}\\$ .*colpali-vectors ${command}`, 'm'));
});

describe('wrong usage exits with code 2 and says why', () => {
  test.each([
    [['no-such-command'], "unknown command 'no-such-command'"],
    [['status', '--no-such-option'], "unknown option '--no-such-option'"],
    [['show'], "missing required argument 'docId'"],
    [['show', 'seven'], 'docId: must be an integer from 1 to 2147483647'],
    [['migrate', '--ledger', 'schema.ts'], '--ledger: this command is for the package'],
    [['rollback', '--ledger', 'schema.ts'], '--ledger: this command is for the package'],
    [['status', '--ledger', 'no-such.ts'], `--ledger: there is no file ${resolve('no-such.ts')}\n`],
    [
      ['status', '--ledger', 'no-such-package'],
      `--ledger: there is no file ${resolve('no-such-package')} and no installed package of this name`,
    ],
    [['show', '7', '0'], 'Expected an integer from 1 to 2147483647.'],
    [['show', '7', '1.5'], 'Expected an integer from 1 to 2147483647.'],
    [['rollback', '--to', '0000_20250524_vectors', '--all'], 'cannot be used with'],
    [['rollback', '--to', 'no_such_migration'], 'colpali-vectors: --to: '],
    [['migrate', '--duplicates', 'drop'], 'Allowed choices are keep-newest, merge.'],
    [['migrate', '--database', 'memory://'], 'memory:// is a new database each time it is opened'],
    [['migrate', '--lock-timeout', '-1'], 'Expected an integer from 1 to 2147483647.'],
    [
      ['migrate', '--database', 'mysql://localhost/app'],
      'colpali-vectors: database URL (--database or DATABASE_URL): must start with postgres://',
    ],
    [[], 'Usage: colpali-vectors [options] [command]'],
  ])('%j', async (args, message) => {
    const env = { DATABASE_URL: 'postgres://nobody@localhost:1/unreachable' };
    const { code, stdout, stderr } = await runCli(args, { env });
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toContain(message);
  });
});

describe('the password of the database URL is not printed', () => {
  const databaseUrl = useServerDatabase();

  test.each(['status', 'migrate', 'rollback'])('by %s, if it works or fails', async (command) => {
    const url = new URL(databaseUrl());
    url.password ||= 'hunter2-secret';
    const { password } = url;
    const unreachable = new URL(url);
    unreachable.port = '1';
    const unknownUser = new URL(url);
    unknownUser.username = 'no-such-user';
    for (const { href } of [url, unreachable, unknownUser]) {
      const { stdout, stderr } = await runCli([command, '--database', href]);
      expect(stdout + stderr).not.toContain(`:${password}`);
      expect(stdout + stderr).not.toContain(href);
    }
  });

  test('if the URL cannot be parsed', async () => {
    const result = await runCli(['status', '-d', 'postgres://app:hunter#2@localhost/app']);
    expect(result).toMatchObject({ code: 2, stdout: '' });
    expect(result.stderr).not.toContain('hunter');
  });
});

describe('in a folder without an embedded database', () => {
  const cwd = useTemporaryFolder();

  test('only migrate creates one', async () => {
    for (const args of [
      ['status'],
      ['rollback'],
      ['migrate', '--dry-run'],
      ['show', '7'],
      ['export'],
    ]) {
      expect(await runCli(args, { cwd: cwd() })).toMatchObject({
        code: 1,
        stdout: '',
        stderr:
          'colpali-vectors: there is no embedded database in .pglite; set --database or DATABASE_URL, or create one with "colpali-vectors migrate"\n',
      });
    }
    expect(readdirSync(cwd())).toEqual([]);
    expect(await runCli(['migrate'], { cwd: cwd() })).toMatchObject({ code: 0 });
    const { stdout } = await runCli(['status'], { cwd: cwd() });
    expect(stdout).toMatch(/^database {4}PGlite \(PostgreSQL \d+\.\d+\) in \.pglite\n/);
  });
});

describe('a command names its database on stderr', () => {
  const cwd = useTemporaryFolder();
  const url = useServerDatabase();

  test.each([['migrate'], ['status', '--exit-code'], ['show', '7']])('%s %s', async (...args) => {
    const { host, pathname } = new URL(url());
    const options = { env: { DATABASE_URL: url() }, keepDatabaseLine: true };
    const { stderr } = await runCli(args.filter(Boolean), options);
    expect(stderr.split('\n')[0]).toBe(`database: postgres://${host}${pathname}`);
  });

  test('if it is the embedded one', async () => {
    const { stderr } = await runCli(['show', '7'], { cwd: cwd(), keepDatabaseLine: true });
    expect(stderr.split('\n')[0]).toBe('database: PGlite in .pglite');
  });

  test('but not its password or its parameters', async () => {
    const { stderr } = await runCli(
      ['status', '-d', 'postgres://app:hunter2@127.0.0.1:1/app?sslmode=disable&password=hunter2'],
      { keepDatabaseLine: true },
    );
    expect(stderr).toMatch(/^database: postgres:\/\/127\.0\.0\.1:1\/app\n/);
    expect(stderr).not.toContain('hunter2');
  });
});

test('in production, no command uses the embedded database by default', async () => {
  expect(await runCli(['migrate'], { env: { NODE_ENV: 'production' } })).toMatchObject({
    code: 2,
    stdout: '',
    stderr: expect.stringContaining('is required if NODE_ENV is production'),
  });
});
