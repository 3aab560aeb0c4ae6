import { expect, test } from 'vitest';
import { useCliLedger } from '../support/cli-ledger.ts';

const cliLedger = useCliLedger();

/** Clears the screen, breaks the line, sets the window's title, and reverses the text. */
const hostileId = '\u001b[2Ja\nb\u009b31m\u007f\u202ec\u0085';
const escapedId = '\\u001b[2Ja\\u000ab\\u009b31m\\u007f\\u202ec\\u0085';
const unsafe = /[\p{Cc}\p{Cf}]/u;

test('control characters of an id are escaped in tables', async () => {
  const { run, repository, docId } = cliLedger();
  await repository.upsertPage({ docId, page: 1, vectorIds: [hostileId] });
  for (const args of [
    ['show', `${docId}`],
    ['show', `${docId}`, '1'],
    ['locate', hostileId],
  ]) {
    const { stdout } = await run(args);
    expect(stdout).toContain(escapedId);
    expect(stdout.replaceAll('\n', '')).not.toMatch(unsafe);
    expect(stdout.trim().split('\n')).toHaveLength(2);
  }
});

test('control characters of an id are escaped in JSON, which parses to the same id', async () => {
  const { run, repository, docId } = cliLedger();
  await repository.upsertPage({ docId, page: 1, vectorIds: [hostileId], namespace: hostileId });
  const { stdout } = await run(['show', `${docId}`, '1', '--json']);
  expect(stdout.trim()).not.toMatch(unsafe);
  expect(JSON.parse(stdout)).toMatchObject({ vectorIds: [hostileId] });
  const { stdout: exported } = await run(['export']);
  expect(exported.trim()).not.toMatch(unsafe);
  await repository.deleteByDocument(docId);
  expect(await run(['import', '-'], exported)).toMatchObject({ code: 0 });
  expect(await repository.findByPage(docId, 1)).toMatchObject({
    vectorIds: [hostileId],
    namespace: hostileId,
  });
});

test.each([
  ['an unknown id', ['locate', hostileId], ''],
  ['an unknown command', [hostileId], ''],
  ['an unknown field', ['import', '-'], JSON.stringify({ [hostileId]: 1 })],
])('they are escaped in an error about %s', async (_, args, input) => {
  const { run } = cliLedger();
  const { stderr } = await run(args, input);
  expect(stderr).toContain('\\u001b[2Ja');
  expect(stderr.replaceAll('\n', '')).not.toMatch(unsafe);
});

test('a long id or field name is shortened', async () => {
  const { run, repository, docId } = cliLedger();
  await repository.upsertPage({ docId, page: 1, vectorIds: ['x'.repeat(3_000)] });
  expect((await run(['show', `${docId}`, '1'])).stdout.length).toBeLessThan(500);
  const { stderr } = await run(['import', '-'], JSON.stringify({ ['y'.repeat(3_000_000)]: 1 }));
  expect(stderr.length).toBeLessThan(600);
  expect(stderr).toContain('unknown field');
});
