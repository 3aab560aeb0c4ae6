/** With --json, every line of stderr is a JSON object, and a failure has a code and a message. */
import { expect, test } from 'vitest';
import { useCliLedger } from '../support/cli-ledger.ts';
import { runCli } from '../support/run-cli.ts';

const ledger = useCliLedger();

test.each<[string[], string, number, RegExp]>([
  [['no-such-command'], 'WRONG_USAGE', 2, /^unknown command 'no-such-command'/],
  [['status', '--no-such-option'], 'WRONG_USAGE', 2, /^unknown option '--no-such-option'/],
  [['show'], 'WRONG_USAGE', 2, /^missing required argument 'docId'$/],
  [[], 'WRONG_USAGE', 2, /^a command is missing$/],
  [['rollback', '--to', 'none'], 'INVALID_INPUT', 2, /^--to: /],
  [['show', '999999'], 'NOT_FOUND', 1, /^document 999999 has no recorded pages$/],
  [['locate', 'unknown'], 'NOT_FOUND', 1, /^no page has the vector id unknown$/],
  [['import', '/no/such/file'], 'ENOENT', 1, /no such file/],
  [['import', '-'], 'INVALID_INPUT', 1, /^line 1: is not valid JSON/],
  [['purge', '--store', './none.js'], 'INVALID_INPUT', 2, /^--store: /],
  [['status', '-d', 'postgres://127.0.0.1:1/none'], 'DATABASE_UNAVAILABLE', 1, /not available/],
])('%j fails as JSON', async (args, code, exitCode, message) => {
  const { stderr, ...result } = await ledger().run([...args, '--json'], 'not json');
  expect(result.code).toBe(exitCode);
  const lines = stderr.trimEnd().split('\n');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0] ?? '')).toEqual({ code, message: expect.stringMatching(message) });
});

test('the name of the database and warnings are JSON too', async () => {
  const env = { DATABASE_URL: ledger().url };
  const { stderr } = await runCli(['import', '-', '--skip-invalid', '--json'], {
    env,
    input: 'not json',
    keepDatabaseLine: true,
  });
  const { host, pathname } = new URL(ledger().url);
  expect(
    stderr
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line)),
  ).toEqual([
    { database: `postgres://${host}${pathname}` },
    { warning: 'line 1: is not valid JSON' },
  ]);
});
