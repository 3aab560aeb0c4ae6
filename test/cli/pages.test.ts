import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  type NewPageVectors,
  type OpenDatabase,
  openDatabase,
  patchVectorIds,
} from '../../src/index.ts';
import { createDocument, useServerDatabase } from '../support/database.ts';
import { runCli, startCli } from '../support/run-cli.ts';

const url = useServerDatabase();
const env = () => ({ DATABASE_URL: url() });
let database: OpenDatabase;
let folder: string;
let docId: number;

beforeAll(async () => {
  database = await openDatabase(url());
  folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
});
afterAll(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await database.db.execute(sql`delete from documents`);
  await database.db.execute(sql`delete from vector_orphans`);
  docId = await createDocument(database.db);
});

function record(...pages: NewPageVectors[]): Promise<number> {
  return createVectorRepository(database.db).upsertPages(pages);
}

function linesOf(pages: readonly object[]): string {
  return pages.map((page) => `${JSON.stringify(page)}\n`).join('');
}

function writeFile(name: string, content: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** Pages of the document, from the first. */
function somePages(count: number): NewPageVectors[] {
  return Array.from({ length: count }, (_, index) => ({
    docId,
    page: index + 1,
    vectorIds: [`p${index}`],
  }));
}

describe('show', () => {
  test('lists the pages of a document, and the ids of a page', async () => {
    const grid = { cols: 2, rows: 1, start: 0 };
    await record(
      { docId, page: 1, vectorIds: ['a', 'b'], grid },
      { docId, page: 2, vectorIds: [] },
    );
    const pages = await runCli(['show', `${docId}`], { env: env() });
    expect(pages).toMatchObject({ code: 0, stderr: '' });
    expect(pages.stdout).toMatch(
      /^page +vectors +grid +indexed +first id +last id\n +1 +2 +2 x 1 from 0 +20\S+Z +a +b\n +2 +0 +- +20\S+Z +- +-\n$/,
    );
    expect(await runCli(['show', `${docId}`, '1'], { env: env() })).toMatchObject({
      code: 0,
      stdout: 'patch  vector id\n    0  a\n    1  b\n',
    });
    const { stdout } = await runCli(['show', `${docId}`, '1', '--json'], { env: env() });
    expect(JSON.parse(stdout)).toMatchObject({ docId, page: 1, vectorIds: ['a', 'b'], grid });
  });

  test('fails where nothing is recorded', async () => {
    expect(await runCli(['show', '999999'], { env: env() })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'colpali-vectors: document 999999 has no pages\n',
    });
    expect(await runCli(['show', `${docId}`, '3'], { env: env() })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `colpali-vectors: page 3 of document ${docId} is not recorded\n`,
    });
  });
});

describe('locate', () => {
  test('places the ids it finds and names those it does not', async () => {
    const vectorIds = patchVectorIds({ docId, page: 3, count: 50 });
    await record({ docId, page: 3, vectorIds });
    const id = vectorIds[41] as string;
    expect(await runCli(['locate', id, 'unknown'], { env: env() })).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        new RegExp(`^document +page +patch +vector id\\n +${docId} +3 +41  ${id}\\n$`),
      ),
      stderr: 'colpali-vectors: no page holds unknown\n',
    });
    const both = await runCli(['locate', id, 'unknown', '--json'], { env: env() });
    expect(JSON.parse(both.stdout)).toEqual([{ vectorId: id, docId, page: 3, patch: 41 }, null]);
    expect(await runCli(['locate', id], { env: env() })).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('export and import', () => {
  test('give the same ledger back, and importing again changes nothing', async () => {
    const other = await createDocument(database.db);
    await record(
      { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1030 }) },
      { docId, page: 7, vectorIds: ['ä', '\u2028', '{"', '449278312341234567'] },
      { docId: other, page: 1, vectorIds: ['x', 'y'], grid: { cols: 1, rows: 2, start: 0 } },
      { docId: other, page: 2, vectorIds: [] },
    );
    await createVectorRepository(database.db).upsertPage(
      { docId: other, page: 3, vectorIds: ['later'] },
      { pending: true },
    );
    const exported = await runCli(['export'], { env: env() });
    expect(exported).toMatchObject({ code: 0, stderr: '' });
    const one = await runCli(['export', '--document', `${other}`], { env: env() });
    expect(one.stdout).toBe(exported.stdout.split('\n').slice(2).join('\n'));

    await database.db.execute(sql`delete from vectors`);
    await database.db.execute(sql`delete from vector_orphans`);
    const file = writeFile('exported.ndjson', exported.stdout);
    expect(await runCli(['import', file], { env: env() })).toEqual({
      code: 0,
      signal: null,
      stdout: '5 pages recorded\n',
      stderr: '',
    });
    expect((await runCli(['export'], { env: env() })).stdout).toBe(exported.stdout);

    const versions = async () =>
      rowsOf(await database.db.execute(sql`select id, xmin::text from vectors order by id`));
    const before = await versions();
    const again = await runCli(['import', '-', '--json'], { env: env(), input: exported.stdout });
    expect(JSON.parse(again.stdout)).toEqual({ pages: 5, skipped: 0, lines: 5, stopped: false });
    expect(await versions()).toEqual(before);
    expect(rowsOf(await database.db.execute(sql`select from vector_orphans`))).toEqual([]);
  });

  test('a reader that has seen enough ends the export without an error', async () => {
    await record(...somePages(5000).map((page) => ({ ...page, vectorIds: ['x'.repeat(200)] })));
    const { process: child, result } = startCli(['export'], { env: env() });
    child.stdout.once('data', () => child.stdout.destroy());
    expect(await result).toMatchObject({ code: 0, signal: null, stderr: '' });
  });

  test('takes lines with other ends, empty lines, and a last one without an end', async () => {
    const [first, second, third] = somePages(3).map((page) => JSON.stringify(page));
    const input = `\n${first}\r\n\r\n  \n${second}\n${third}`;
    expect(await runCli(['import', '-'], { env: env(), input })).toMatchObject({
      code: 0,
      stdout: '3 pages recorded\n',
    });
  });

  test('of a document without pages is empty, and fails', async () => {
    expect(await runCli(['export', '--document', '999999'], { env: env() })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'colpali-vectors: document 999999 has no pages\n',
    });
  });

  test('a file that is not there fails', async () => {
    expect(await runCli(['import', 'no-such-file'], { env: env() })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('ENOENT'),
    });
  });
});

describe('a line that cannot be recorded', () => {
  const page = { docId: 0, page: 2, vectorIds: ['b'] };
  const cases: [string, () => string | Buffer, string][] = [
    ['is not valid JSON', () => '{"docId":', 'is not valid JSON'],
    ['is no object', () => '[1]', 'is no JSON object'],
    [
      'is not UTF-8',
      () =>
        Buffer.concat([
          Buffer.from('{"docId":1,"page":2,"vectorIds":["'),
          Buffer.of(0xff),
          Buffer.from('"]}'),
        ]),
      'is not valid UTF-8',
    ],
    [
      'has a field of another name',
      () => JSON.stringify({ ...page, docId, ids: [] }),
      'ids: is no field of a page; there are docId, page, vectorIds, grid, pending',
    ],
    [
      'has no document',
      () => '{"page":2,"vectorIds":["b"]}',
      'docId: must be an integer from 1 to 2147483647, not undefined',
    ],
    [
      'has page 0',
      () => JSON.stringify({ ...page, docId, page: 0 }),
      'page: must be an integer from 1 to 2147483647, not 0',
    ],
    [
      'has an id that lost digits',
      () => `{"docId":${docId},"page":2,"vectorIds":[449278312341234567]}`,
      'vectorIds[0]: is not a safe integer: ids above 2^53 lose digits as numbers, pass a string or a bigint',
    ],
    [
      'has a grid for more vectors',
      () => JSON.stringify({ ...page, docId, grid: { cols: 2, rows: 2, start: 0 } }),
      'grid: needs 4 vectors (start + cols * rows), the page has 1',
    ],
    [
      'has another kind of pending',
      () => JSON.stringify({ ...page, docId, pending: 1 }),
      'pending: must be true or false',
    ],
    [
      'has a page that came before',
      () => JSON.stringify({ ...page, docId, page: 1 }),
      'page: page 1 of document %d is given twice',
    ],
    [
      'names no document that is there',
      () => JSON.stringify({ ...page, docId: 999999 }),
      'docId: there is no document 999999',
    ],
  ];

  test.each(cases)('%s', async (_, line, reason) => {
    const expected = `line 2: ${reason.replace('%d', `${docId}`)}`;
    const input = Buffer.concat([
      Buffer.from(`${JSON.stringify({ ...page, docId, page: 1 })}\n`),
      Buffer.from(line()),
      Buffer.from(`\n${JSON.stringify({ ...page, docId, page: 3 })}\nnonsense\n`),
    ]);
    expect(await runCli(['import', '-'], { env: env(), input })).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `colpali-vectors: ${expected}\n1 page before it recorded; mend the line and run the import again\n`,
    });
    expect(await createVectorRepository(database.db).countPages(docId)).toBe(1);

    expect(await runCli(['import', '-', '--skip-invalid'], { env: env(), input })).toMatchObject({
      code: 0,
      stdout: '2 pages recorded, 2 lines left out\n',
      stderr: `warning: ${expected}\nwarning: line 4: is not valid JSON\n`,
    });
    const pages = await createVectorRepository(database.db).findByDocument(docId);
    expect(pages.map(({ page: number }) => number)).toEqual([1, 3]);
  });

  test('leaves what came before recorded, however far behind it comes', async () => {
    const input = `${linesOf(somePages(2500))}nonsense\n`;
    const { code, stderr } = await runCli(['import', '-'], { env: env(), input });
    expect({ code, stderr }).toEqual({
      code: 1,
      stderr:
        'colpali-vectors: line 2501: is not valid JSON\n' +
        '2,500 pages before it recorded; mend the line and run the import again\n',
    });
    expect(await createVectorRepository(database.db).countPages(docId)).toBe(2500);
  });
});

test('Ctrl-C ends an import between two chunks, and it can be run again', async () => {
  const { process: child, result } = startCli(['import', '-'], { env: env() });
  child.stdin.write(linesOf(somePages(1500)));
  const ledger = createVectorRepository(database.db);
  await expect.poll(() => ledger.countPages(docId), { timeout: 30_000 }).toBe(1000);
  child.kill('SIGINT');
  expect(await result).toEqual({
    code: null,
    signal: 'SIGINT',
    stdout: '1,000 pages recorded\n',
    stderr: 'interrupted after line 1000; run the import again to go on\n',
  });
  expect(await ledger.countPages(docId)).toBe(1000);

  const all = linesOf(somePages(1500));
  expect(await runCli(['import', '-'], { env: env(), input: all })).toMatchObject({
    code: 0,
    stdout: '1,500 pages recorded\n',
  });
  expect(await ledger.countPages(docId)).toBe(1500);
});
