import { afterEach, beforeEach, expect, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  distributeLedger,
  migrate,
  migrationStatus,
  type OpenDatabase,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
  rollback,
  vectorOrphans,
} from '../../src/index.ts';
import { workerUrls } from '../support/citus.ts';
import { createClusterDatabase, createDocument, execute, select } from '../support/database.ts';
import { ingestDocument } from '../support/ingest.ts';
import { MemoryStore } from '../support/memory-store.ts';

let created: { url: string; drop: () => Promise<void> };
let url: string;
let database: OpenDatabase;

beforeEach(async () => {
  created = await createClusterDatabase('migrated');
  url = created.url;
  database = await openDatabase(url);
});
afterEach(async () => {
  await database.close();
  await created.drop();
});

test('keeps pages and queued ids', async () => {
  const { db } = database;
  const store = new MemoryStore();
  const repository = createVectorRepository(db);
  const docId = await ingestDocument(db, store, [['a', 'b'], ['c']]);
  await repository.deleteByPage(docId, 2);
  const before = await repository.findByDocument(docId);

  expect(await distributeLedger({ url, shards: 4, apply: true })).toMatchObject({ applied: true });

  expect(await repository.findByDocument(docId)).toEqual(before);
  expect(await repository.locate(['b'])).toMatchObject([{ docId, page: 1, patch: 1 }]);
  await purgeOrphans(db, store.deleteVectors);
  expect([...store.ids]).toEqual(['a', 'b']);
});

test('places a document, its pages and its orphans on one node', async () => {
  await distributeLedger({ url, shards: 4, apply: true });
  const groups = await select<{ tables: string }>(
    database.db,
    `select string_agg(logicalrelid::text, ' ' order by logicalrelid::text) as tables
    from pg_dist_partition group by colocationid`,
  );
  expect(groups).toEqual([{ tables: 'documents vector_orphans vectors' }]);
});

test('returns statements that do the same when somebody runs them', async () => {
  const { statements, applied } = await distributeLedger({ url, shards: 4 });
  expect(applied).toBe(false);
  await database.db.transaction(async (tx) => execute(tx, ...statements));
  expect(await distributeLedger({ url })).toEqual({ statements: [], applied: false });
  expect((await migrationStatus({ url })).drift).toEqual([]);
});

test('does nothing to a ledger that is distributed already', async () => {
  await distributeLedger({ url, shards: 4, apply: true });
  expect(await distributeLedger({ url, apply: true })).toEqual({ statements: [], applied: false });
});

test('uses documents that the host has distributed', async () => {
  const { db } = database;
  await execute(
    db,
    'alter table vectors drop constraint vectors_doc_id_fkey',
    "select create_distributed_table('documents', 'id', shard_count => 4)",
    'alter table vectors add constraint vectors_doc_id_fkey foreign key (doc_id) references documents (id) on delete cascade',
  );
  await distributeLedger({ url, apply: true });
  const docId = await createDocument(db);
  await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
  expect(await createVectorRepository(db).countPages(docId)).toBe(1);
});

test.each([
  {
    what: 'strays are queued',
    prepare: `insert into vector_orphans (vector_ids, vector_count) values ('["a"]', 1)`,
    reason: 'strays are queued',
  },
  {
    what: 'the documents have triggers',
    prepare:
      'create trigger host before update on documents for each row execute function suppress_redundant_updates_trigger()',
    reason: 'host on documents',
  },
  {
    what: 'the documents have another unique key',
    prepare: 'alter table documents add column path text unique',
    reason: 'documents_path_key',
  },
  {
    what: 'the documents refer to another table',
    prepare:
      'create table owners (id integer primary key); alter table documents add column owner integer constraint owned references owners',
    reason: 'owned of documents',
  },
])('is refused and changes nothing if $what', async ({ prepare, reason }) => {
  await execute(database.db, ...prepare.split('; '));
  const attempt = distributeLedger({ url, apply: true });
  await expect(attempt).rejects.toMatchObject({ code: 'MIGRATION_FAILED' });
  await expect(attempt).rejects.toThrow(reason);
  expect(await select(database.db, 'select from pg_dist_partition')).toEqual([]);
});

test('is refused on a worker', async () => {
  const [worker = ''] = await workerUrls(url);
  await expect(distributeLedger({ url: worker })).rejects.toThrow('coordinator');
});

test('rollback is refused', async () => {
  await distributeLedger({ url, shards: 4, apply: true });
  await expect(rollback({ url })).rejects.toThrow('Migrations cannot be undone');
  expect(await migrate({ url })).toMatchObject({ applied: [] });
});

test('an audit refuses to queue ids that name no page, and queues nothing', async () => {
  await distributeLedger({ url, shards: 4, apply: true });
  const { db } = database;
  const store = new MemoryStore();
  const docId = await ingestDocument(db, store, [patchVectorIds({ docId: 1, page: 1, count: 3 })]);
  store.write(patchVectorIds({ docId, page: 2, count: 1 }));
  store.write(['stray']);
  const audit = auditVectors(db, store, { queueUntracked: true, maxUntrackedShare: 1 });
  await expect(audit).rejects.toMatchObject({ code: 'AUDIT_REFUSED', untracked: 2 });
  expect(await db.$count(vectorOrphans)).toBe(0);
});
