import { randomUUID } from 'node:crypto';
import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect, inject, test } from 'vitest';
import {
  createVectorRepository,
  type LedgerStats,
  ledgerStats,
  patchVectorIds,
} from '../../src/index.ts';
import {
  createDocument,
  emptyLedger,
  execute,
  inRolledBackTransaction,
  select,
  useTestDatabase,
} from '../support/database.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());

beforeEach(async () => {
  await emptyLedger(db());
  await execute(db(), 'vacuum vectors', 'vacuum vector_orphans');
});

function tableOf(stats: LedgerStats, name: string) {
  const found = stats.tables.find((table) => table.name === name);
  if (found === undefined) throw new Error(`no statistics of ${name}`);
  return found;
}

/** Records 8 pages of all kinds. Returns their document. */
async function recordKinds(): Promise<number> {
  const docId = await createDocument(db());
  const uuids = (count: number) => Array.from({ length: count }, () => randomUUID());
  await repository().upsertPages([
    { docId, page: 1, vectorIds: patchVectorIds({ docId, page: 1, count: 1030 }) },
    { docId, page: 2, vectorIds: patchVectorIds({ docId, page: 2, count: 1 }) },
    { docId, page: 3, vectorIds: ['one'] },
    { docId, page: 4, vectorIds: uuids(300) },
    { docId, page: 5, vectorIds: ['first', ...uuids(5)] },
    { docId, page: 6, vectorIds: ['a', 'b'] },
    { docId, page: 7, vectorIds: [] },
    { docId, page: 8, vectorIds: Array.from({ length: 50 }, (_, patch) => `chunk-${patch}`) },
  ]);
  return docId;
}

test('an empty ledger has no bytes per page', async () => {
  expect(await ledgerStats(db())).toMatchObject({
    pages: 0,
    bytesPerPage: null,
    kinds: { sampled: 0, complete: true },
    queue: { rows: 0, exact: true, oldestMs: null },
  });
});

test('all pages of a small table are counted', async () => {
  await recordKinds();
  const { kinds } = await ledgerStats(db());
  expect(kinds).toEqual({ sampled: 8, complete: true, patchIds: 1, oneId: 2, packs: 2, other: 3 });
});

test('a large table is sampled, and its pages are estimated', async () => {
  const docId = await createDocument(db());
  // 250 blocks, two pages each.
  const pages = Array.from({ length: 500 }, (_, index) => ({
    docId,
    page: index + 1,
    vectorIds: [`${index}-${randomUUID()}`.repeat(45)],
  }));
  await execute(db(), 'alter table vectors alter column vector_ids set storage plain');
  await repository().upsertPages(pages);
  await execute(db(), 'alter table vectors alter column vector_ids set storage extended');
  const { pages: estimated, kinds } = await ledgerStats(db());
  expect(kinds).toMatchObject({ sampled: 300, complete: false, oneId: 300 });
  expect(estimated).toBeGreaterThan(300);
  expect(estimated).toBeLessThan(700);

  await execute(db(), 'analyze vectors');
  expect(await ledgerStats(db())).toMatchObject({ pages: 500 });
});

test('sizes are those that PostgreSQL reports, and give the bytes per page', async () => {
  await recordKinds();
  await execute(db(), 'analyze vectors');
  const stats = await ledgerStats(db());
  const [size] = await select<{ total: number }>(
    db(),
    `select pg_total_relation_size('vectors')::integer as total`,
  );
  const { heap, toast, indexes } = tableOf(stats, 'vectors').bytes;
  expect(heap + toast + indexes).toBe(size?.total);
  expect(stats).toMatchObject({ pages: 8, bytesPerPage: Math.round((size?.total ?? 0) / 8) });
  const sizes = stats.indexes.map(({ bytes }) => bytes);
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a));
  expect(stats.indexes.map(({ name }) => name)).toContain('ix_vectors_vector_ids');
});

test('the queue has the number of rows by attempts and the age of the oldest row', async () => {
  const docId = await recordKinds();
  await repository().deleteByDocument(docId);
  await execute(
    db(),
    'update vector_orphans set attempts = 1 where page = 1',
    'update vector_orphans set attempts = 11 where page in (2, 3)',
    `update vector_orphans set orphaned_at = orphaned_at - interval '2 hours'
      where id = (select min(id) from vector_orphans)`,
  );
  const { queue } = await ledgerStats(db());
  // The page without ids is not queued.
  expect(queue).toMatchObject({
    rows: 7,
    exact: true,
    attempts: { none: 4, oneToTen: 1, more: 2 },
  });
  expect(queue?.oldestMs).toBeGreaterThanOrEqual(7_200_000);
});

test('the dates are those of the last vacuum and the last analyze', async () => {
  await recordKinds();
  await execute(db(), 'vacuum analyze vectors');
  const { activity } = tableOf(await ledgerStats(db()), 'vectors');
  expect(activity).toMatchObject({
    vacuumedAt: expect.any(Date),
    analyzedAt: expect.any(Date),
    deadRows: expect.any(Number),
    liveRows: expect.any(Number),
  });
});

test('an index is unused if nothing scanned it and it keeps no rows unique', async () => {
  await execute(db(), 'create index own_index on vectors (revision)');
  const { indexes } = await ledgerStats(db());
  expect(indexes).toContainEqual({
    name: 'own_index',
    table: 'vectors',
    bytes: expect.any(Number),
    scans: 0,
    unused: true,
  });
  expect(indexes.find(({ name }) => name === 'vectors_pkey')).toMatchObject({ unused: false });
  await execute(db(), 'drop index own_index');
});

test('the used share refers to the smaller range, of the sequence or of the column', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(tx, 'alter sequence vectors_id_seq as bigint maxvalue 9000000000');
    await execute(tx, `select setval('vectors_id_seq', 1610612735)`);
    const { sequences } = await ledgerStats(tx);
    expect(sequences.map(({ name }) => name)).toEqual(['vectors_id_seq', 'vector_orphans_id_seq']);
    expect(sequences[0]).toMatchObject({ lastValue: 1_610_612_735, maxValue: 2 ** 31 - 1 });
    expect(sequences[0]?.used).toBeCloseTo(0.75);
  });
});

test('child tables are listed with their parent and count as pages', async () => {
  const docId = await recordKinds();
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(
      tx,
      'create table vectors_child (like vectors including all) inherits (vectors)',
      `insert into vectors_child (doc_id, page, vector_ids) values (${docId}, 100, '["x"]')`,
      'analyze vectors',
      'analyze vectors_child',
    );
    const stats = await ledgerStats(tx);
    expect(tableOf(stats, 'vectors_child')).toMatchObject({
      part: 'vectors',
      parent: 'vectors',
      rows: 1,
    });
    expect(stats).toMatchObject({ pages: 9, kinds: { sampled: 9, oneId: 3 } });
  });
});

test('bloat is null without the extension pgstattuple', async () => {
  const { tables } = await ledgerStats(db(), { bloat: true });
  expect(tables.map(({ bloat }) => bloat)).toEqual([null, null]);
});

test.runIf(inject('driver') !== 'pglite')('pgstattuple measures dead and free space', async () => {
  await recordKinds();
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(tx, 'create schema tools', 'create extension pgstattuple schema tools');
    const [pages, queue] = (await ledgerStats(tx, { bloat: true })).tables;
    expect(pages?.bloat?.freeShare).toBeGreaterThan(0);
    expect(pages?.bloat?.freeShare).toBeLessThan(1);
    expect(queue?.bloat).toEqual({ deadShare: 0, freeShare: 0 });
    expect((await ledgerStats(tx)).tables[0]?.bloat).toBeNull();
  });
});

describe('what a role may not read is null', () => {
  test('for a role without any rights on the tables', async () => {
    await recordKinds();
    await execute(db(), 'analyze vectors');
    await inRolledBackTransaction(db(), async (tx) => {
      await execute(
        tx,
        'create role stats_reader',
        'revoke select on pg_stat_user_tables from public',
        'revoke select on pg_statio_user_tables from public',
        'revoke select on pg_stat_user_indexes from public',
        'revoke select on pg_stat_database from public',
        'set local role stats_reader',
      );
      const stats = await ledgerStats(tx, { bloat: true });
      expect(stats).toMatchObject({ pages: 8, kinds: null, queue: null, statisticsResetAt: null });
      expect(tableOf(stats, 'vectors')).toMatchObject({ activity: null, cacheHits: null });
      expect(stats.indexes[0]).toMatchObject({ scans: null, unused: null });
      expect(stats.sequences[0]).toMatchObject({ lastValue: null, used: null });
      // The transaction goes on.
      expect(await select(tx, 'select 1 as one')).toEqual([{ one: 1 }]);
    });
  });

  test('for a role that reads only the queue', async () => {
    await inRolledBackTransaction(db(), async (tx) => {
      await execute(
        tx,
        'create role queue_reader',
        'grant select on vector_orphans to queue_reader',
        'set local role queue_reader',
      );
      expect(await ledgerStats(tx)).toMatchObject({ kinds: null, queue: { rows: 0 } });
    });
  });
});

test('a database without the tables is reported as not migrated', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await tx.execute(sql`set local search_path = pg_catalog`);
    await expect(ledgerStats(tx)).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  });
});

test('options that are not valid are rejected', async () => {
  await expect(ledgerStats(db(), { bloat: 1 as never })).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    path: ['options', 'bloat'],
  });
});
