import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { patchVectorIds } from '../../src/index.ts';
import { useCliLedger } from '../support/cli-ledger.ts';

const cliLedger = useCliLedger();

test('stats prints sizes, kinds, the queue, tables and indexes', async () => {
  const { run, repository, db, docId } = cliLedger();
  await repository.upsertPages([
    { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1030 }) },
    { docId, page: 2, vectorIds: ['a'] },
    { docId, page: 3, vectorIds: ['b'] },
  ]);
  await repository.deleteByPage(docId, 3);
  await db.execute(sql`vacuum analyze vectors`);
  const { code, stdout, stderr } = await run(['stats']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const [summary = '', tables = '', indexes = ''] = stdout.split('\n\n');
  expect(summary).toMatch(
    new RegExp(
      [
        '^pages {7}about 2 pages, \\d+ kB each with their indexes',
        'kinds {7}50% patch ids, 50% one id, 0% packs of UUIDs, 0% other \\(all 2 pages\\)',
        'queue {7}1 row, the oldest has waited for \\d+ seconds?; 1 not tried, 0 tried 1 to 10 times, 0 tried more than 10 times',
        'ids {9}vectors_id_seq: 0% of its range is used',
        ' {12}vector_orphans_id_seq: 0% of its range is used',
        'statistics  (?:no reset is known|since 2\\S+Z)$',
      ].join('\n'),
    ),
  );
  expect(tables).toMatch(/^table +rows +heap +toast +indexes +dead +vacuumed +analyzed +cached +/);
  expect(tables).toMatch(/^vectors +2 +\d+ kB +8 kB +\d+ kB +\d+ +20\S+Z +20\S+Z/m);
  expect(indexes).toMatch(/^vectors_pkey +vectors +16 kB +\d+$/m);
});

test('stats --json prints what ledgerStats returns', async () => {
  const { run } = cliLedger();
  const { stdout } = await run(['stats', '--json', '--bloat']);
  expect(JSON.parse(stdout)).toMatchObject({
    kinds: { sampled: 0 },
    queue: { rows: 0, oldestMs: null },
    tables: [
      { name: 'vectors', bloat: null },
      { name: 'vector_orphans', bloat: null },
    ],
  });
});

test('stats warns once half of the ids are used', async () => {
  const { run, db } = cliLedger();
  await db.execute(sql`select setval('vectors_id_seq', 1073741824)`);
  const { code, stdout, stderr } = await run(['stats', '--bloat']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ids +vectors_id_seq: 50% of its range is used$/m);
  expect(stdout).toMatch(/dead space +free space$/m);
  expect(stderr).toContain('warning: vectors_id_seq has used 50% of its range');
});

test('stats fails if the migrations have not been run', async () => {
  const { run, db } = cliLedger();
  await db.execute(sql`alter table vectors rename to renamed`);
  const { code, stdout, stderr } = await run(['stats']);
  await db.execute(sql`alter table renamed rename to vectors`);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('run "npx colpali-vectors migrate"');
  expect(stderr).toContain('--ledger <module>');
});
