import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { patchVectorIds } from '../../src/index.ts';
import { useCliLedger } from '../support/cli-ledger.ts';

const cliLedger = useCliLedger();

describe('show', () => {
  test('lists the pages of a document', async () => {
    const { run, repository, docId } = cliLedger();
    const grid = { cols: 2, rows: 1, start: 0 };
    await repository.upsertPages([
      { docId, page: 1, vectorIds: ['a', 'b'], grid },
      { docId, page: 2, vectorIds: [] },
    ]);
    const { code, stdout, stderr } = await run(['show', `${docId}`]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(
      /^page +vectors +grid +indexed +first id +last id\n +1 +2 +2 x 1 from 0 +20\S+Z +a +b\n +2 +0 +- +20\S+Z +- +-\n$/,
    );
  });

  test('lists the vector ids of a page', async () => {
    const { run, repository, docId } = cliLedger();
    const page = { docId, page: 1, vectorIds: ['a', 'b'], grid: { cols: 2, rows: 1, start: 0 } };
    await repository.upsertPages([page, { docId, page: 2, vectorIds: [] }]);
    expect(await run(['show', `${docId}`, '1'])).toMatchObject({
      code: 0,
      stdout: 'patch  vector id\n    0  a\n    1  b\n',
    });
    expect(await run(['show', `${docId}`, '2'])).toMatchObject({
      code: 0,
      stdout: `page 2 of document ${docId} has no vectors\n`,
    });
    const { stdout } = await run(['show', `${docId}`, '1', '--json']);
    expect(JSON.parse(stdout)).toMatchObject(page);
  });

  test('fails for a document or page that is not recorded', async () => {
    const { run, docId } = cliLedger();
    expect(await run(['show', '999999'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: 'colpali-vectors: document 999999 has no recorded pages\n',
    });
    expect(await run(['show', `${docId}`, '3'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: `colpali-vectors: page 3 of document ${docId} is not recorded\n`,
    });
  });
});

describe('locate', () => {
  test('prints where the ids are and names the ids it does not find', async () => {
    const { run, repository, docId } = cliLedger();
    const vectorIds = patchVectorIds({ docId, page: 3, count: 50 });
    await repository.upsertPage({ docId, page: 3, vectorIds });
    const id = vectorIds[41] as string;
    expect(await run(['locate', id, 'unknown'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(
        new RegExp(`^document +page +patch +vector id\\n +${docId} +3 +41  ${id}\\n$`),
      ),
      stderr: 'colpali-vectors: no page has the vector id unknown\n',
    });
    const both = await run(['locate', id, 'unknown', '--json']);
    expect(JSON.parse(both.stdout)).toEqual([{ vectorId: id, docId, page: 3, patch: 41 }, null]);
    expect(await run(['locate', id])).toMatchObject({ code: 0, stderr: '' });
  });
});

describe('pending', () => {
  test('lists the pages whose vectors are not in the store yet, by document and age', async () => {
    const { run, repository, db, docId } = cliLedger();
    expect(await run(['pending'])).toMatchObject({ code: 0, stdout: 'no pending pages\n' });
    const pages = [1, 2].map((page) => ({ docId, page, vectorIds: ['a', 'b'] }));
    await repository.upsertPages(pages, { pending: true });
    await repository.upsertPage({ docId, page: 3, vectorIds: ['c'] });
    await db.execute(
      sql`update vectors set recorded_at = now() - interval '2 hours' where page = 2`,
    );

    const { stdout } = await run(['pending', '--document', `${docId}`]);
    const row = (page: number) => ` +${docId} +${page} +2 +20\\S+Z\n`;
    expect(stdout).toMatch(new RegExp(`^document +page +vectors +recorded\n${row(1)}${row(2)}$`));
    const old = await run(['pending', '--older-than', '3600', '--json']);
    expect(JSON.parse(old.stdout)).toMatchObject([{ docId, page: 2, indexedAt: null }]);
    expect(await run(['pending', '--document', '999999'])).toMatchObject({
      code: 0,
      stdout: 'no pending pages\n',
    });
  });
});
