import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import { type PageKey, patchVectorIds } from '../../src/index.ts';
import { useCliLedger } from '../support/cli-ledger.ts';
import { createDocument } from '../support/database.ts';
import { runCli } from '../support/run-cli.ts';
import { useTemporaryFolder } from '../support/temporary-folder.ts';

const cliLedger = useCliLedger();
const folder = useTemporaryFolder();

/** Pages 1 to `count` of a document, with one vector each. */
function somePages(docId: number, count: number): (PageKey & { vectorIds: string[] })[] {
  return Array.from({ length: count }, (_, index) => ({
    docId,
    page: index + 1,
    vectorIds: [`p${index}`],
  }));
}

function linesOf(pages: readonly object[]): string {
  return pages.map((page) => `${JSON.stringify(page)}\n`).join('');
}

describe('export', () => {
  test('prints pages that import records again; importing them twice changes nothing', async () => {
    const { run, repository, db, docId } = cliLedger();
    const other = await createDocument(db);
    await repository.upsertPages([
      { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1030 }) },
      { docId, page: 7, vectorIds: ['ä', '\u2028', '{"', '449278312341234567'] },
      { docId: other, page: 1, vectorIds: ['x', 'y'], grid: { cols: 1, rows: 2, start: 0 } },
      { docId: other, page: 2, vectorIds: [] },
    ]);
    await repository.upsertPage({ docId: other, page: 3, vectorIds: ['z'] }, { pending: true });
    const exported = await run(['export']);
    expect(exported).toMatchObject({ code: 0, stderr: '' });

    await db.execute(sql`delete from vectors`);
    await db.execute(sql`delete from vector_orphans`);
    const file = join(folder(), 'exported.ndjson');
    writeFileSync(file, exported.stdout);
    expect(await run(['import', file])).toEqual({
      code: 0,
      signal: null,
      stdout: '5 pages recorded\n',
      stderr: '',
    });
    expect((await run(['export'])).stdout).toBe(exported.stdout);

    const rowVersions = async () =>
      rowsOf(await db.execute(sql`select id, xmin::text from vectors order by id`));
    const before = await rowVersions();
    const again = await run(['import', '-', '--json'], exported.stdout);
    expect(JSON.parse(again.stdout)).toEqual({ pages: 5, skipped: 0, lines: 5, stopped: false });
    expect(await rowVersions()).toEqual(before);
    expect(rowsOf(await db.execute(sql`select from vector_orphans`))).toEqual([]);
  });

  test('prints only one document with --document', async () => {
    const { run, repository, db, docId } = cliLedger();
    const other = await createDocument(db);
    const pages = somePages(other, 2);
    await repository.upsertPages([...somePages(docId, 2), ...pages]);
    expect(await run(['export', '--document', `${other}`])).toMatchObject({
      code: 0,
      stdout: linesOf(pages),
    });
  });

  test('fails for a document without pages', async () => {
    expect(await cliLedger().run(['export', '--document', '999999'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'colpali-vectors: document 999999 has no recorded pages\n',
    });
  });

  test('succeeds if the reader closes the pipe early', async () => {
    const { start, repository, docId } = cliLedger();
    const vectorIds = ['x'.repeat(200)];
    await repository.upsertPages(somePages(docId, 5000).map((page) => ({ ...page, vectorIds })));
    const { process: child, result } = start(['export']);
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await result).toMatchObject({ code: 0, signal: null, stderr: '' });
  });
});

describe('import', () => {
  test('accepts CRLF, empty lines, and a last line without a newline', async () => {
    const { run, docId } = cliLedger();
    const [first, second, third] = somePages(docId, 3).map((page) => JSON.stringify(page));
    const input = `\n${first}\r\n\r\n  \n${second}\n${third}`;
    expect(await run(['import', '-'], input)).toMatchObject({
      code: 0,
      stdout: '3 pages recorded\n',
    });
  });

  test('counts trailing empty lines as processed', async () => {
    const { run, docId } = cliLedger();
    const input = `${linesOf(somePages(docId, 1))}\n\n`;
    const { stdout } = await run(['import', '-', '--json'], input);
    expect(JSON.parse(stdout)).toEqual({ pages: 1, skipped: 0, lines: 3, stopped: false });
  });

  test('records pending and indexed pages from the same file', async () => {
    const { run, repository, docId } = cliLedger();
    const pending = [2, 3, 5];
    const input = linesOf(
      somePages(docId, 6).map((page) => ({ ...page, pending: pending.includes(page.page) })),
    );
    expect(await run(['import', '-'], `${input}nonsense\n`)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 7: is not valid JSON\nRecorded 6 pages before'),
    });
    expect((await repository.findPending({ docId })).map(({ page }) => page)).toEqual(pending);
  });

  test('records a number of patches as patch ids', async () => {
    const { run, repository, docId } = cliLedger();
    const input = linesOf([
      { docId, page: 1, patches: 12 },
      { docId, page: 2, vectorIds: ['a'] },
      { docId, page: 3, vectorIds: ['b'], patches: 1 },
    ]);
    expect(await run(['import', '-'], input)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('line 3: patches: must be omitted if vectorIds is given'),
    });
    expect(await repository.findByDocument(docId)).toMatchObject([
      { page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 12 }) },
      { page: 2, vectorIds: ['a'] },
    ]);
  });

  test('fails for a file that does not exist', async () => {
    expect(await cliLedger().run(['import', 'no-such-file'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('ENOENT'),
    });
  });

  test('fails for an empty file if the database cannot be reached', async () => {
    const args = ['import', '-', '--database', 'postgres://nobody@localhost:1/unreachable'];
    expect(await runCli(args)).toMatchObject({ code: 1, stdout: '' });
  });

  test('stops between two batches on Ctrl-C, and can be run again', async () => {
    const { run, start, repository, docId } = cliLedger();
    const input = linesOf(somePages(docId, 1500));
    const { process: child, result } = start(['import', '-']);
    child.stdin.write(input);
    await expect.poll(() => repository.countPages(docId), { timeout: 30_000 }).toBe(1000);
    child.kill('SIGINT');
    expect(await result).toEqual({
      code: null,
      signal: 'SIGINT',
      stdout: '1,000 pages recorded\n',
      stderr: 'interrupted: after line 1000; run the import again to continue\n',
    });
    expect(await repository.countPages(docId)).toBe(1000);

    expect(await run(['import', '-'], input)).toMatchObject({
      code: 0,
      stdout: '1,500 pages recorded\n',
    });
    expect(await repository.countPages(docId)).toBe(1500);
  });
});

describe('import reports an invalid line, and stops or skips it', () => {
  const page = { docId: 0, page: 2, vectorIds: ['b'] };
  /** What is wrong with the line, the line, and the beginning of the message. */
  const cases: [string, (docId: number) => string | Buffer, string][] = [
    ['invalid JSON', () => '{"docId":', 'is not valid JSON'],
    ['an array', () => '[1]', 'must be a JSON object such as {"docId":7'],
    [
      'invalid UTF-8',
      () =>
        Buffer.concat([
          Buffer.from('{"docId":1,"page":2,"vectorIds":["'),
          Buffer.of(0xff),
          Buffer.from('"]}'),
        ]),
      'is not valid UTF-8',
    ],
    [
      'an unknown field',
      (docId) => JSON.stringify({ ...page, docId, ids: [] }),
      'ids: unknown field; expected one of docId, page, vectorIds, patches, grid, namespace, pending\n',
    ],
    [
      'no document',
      () => '{"page":2,"vectorIds":["b"]}',
      'docId: must be an integer from 1 to 2147483647',
    ],
    [
      'page 0',
      (docId) => JSON.stringify({ ...page, docId, page: 0 }),
      'page: must be an integer from 1 to 2147483647',
    ],
    [
      'a numeric id above 2^53',
      (docId) => `{"docId":${docId},"page":2,"vectorIds":[449278312341234567]}`,
      'vectorIds[0]: ',
    ],
    [
      'a grid that needs more vectors',
      (docId) =>
        JSON.stringify({
          ...page,
          docId,
          vectorIds: ['b', 'c'],
          grid: { cols: 3, rows: 1, start: 0 },
        }),
      'grid: ',
    ],
    [
      'pending that is not a boolean',
      (docId) => JSON.stringify({ ...page, docId, pending: 1 }),
      'pending: must be true or false, got 1\n',
    ],
    [
      'a page that an earlier line has',
      (docId) => JSON.stringify({ ...page, docId, page: 1 }),
      'page: ',
    ],
    ['a document that does not exist', () => JSON.stringify({ ...page, docId: 999999 }), 'docId: '],
  ];

  test.each(cases)('%s', async (_, line, message) => {
    const { run, repository, docId } = cliLedger();
    const input = Buffer.concat([
      Buffer.from(`${JSON.stringify({ ...page, docId, page: 1 })}\n`),
      Buffer.from(line(docId)),
      Buffer.from(`\n${JSON.stringify({ ...page, docId, page: 3 })}\nnonsense\n`),
    ]);
    const stopped = await run(['import', '-'], input);
    expect(stopped).toMatchObject({ code: 1, stdout: '' });
    const [error, ...advice] = stopped.stderr.split(/(?<=\n)/);
    expect(error).toContain(`colpali-vectors: line 2: ${message}`);
    expect(advice.join('')).toBe(
      'Recorded 1 page before this line. Fix the line and run the import again, or skip invalid lines with --skip-invalid.\n',
    );
    expect(await repository.countPages(docId)).toBe(1);

    expect(await run(['import', '-', '--skip-invalid'], input)).toMatchObject({
      code: 0,
      stdout: '2 pages recorded, 2 invalid lines skipped\n',
      stderr: `${error?.replace('colpali-vectors', 'warning')}warning: line 4: is not valid JSON\n`,
    });
    const pages = await repository.findByDocument(docId);
    expect(pages.map(({ page: number }) => number)).toEqual([1, 3]);
  });

  test('all lines before it are recorded, also in earlier batches', async () => {
    const { run, repository, docId } = cliLedger();
    const input = `${linesOf(somePages(docId, 2500))}nonsense\n`;
    const { code, stderr } = await run(['import', '-'], input);
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr: expect.stringMatching(
        /^colpali-vectors: line 2501: is not valid JSON\nRecorded 2,500 pages before this line\./,
      ),
    });
    expect(await repository.countPages(docId)).toBe(2500);
  });
});
