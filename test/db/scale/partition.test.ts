import { pgSchema, text } from 'drizzle-orm/pg-core';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  defineLedger,
  documents,
  InvalidInputError,
  installLedger,
  ledgerDrift,
  MigrationError,
  migrate,
  partition,
  partitionSql,
  patchVectorIds,
  rollback,
  vectorOrphans,
} from '../../../src/index.ts';
import { readLedgerObjects } from '../../../src/migrations/catalog.ts';
import { readShape } from '../../../src/scale/shape.ts';
import { defaultTables, tablesOf } from '../../../src/tables.ts';
import { createTables } from '../../support/create-tables.ts';
import { emptyLedger, execute, select, useTestDatabase } from '../../support/database.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());

beforeAll(async () => {
  await db()
    .insert(documents)
    .values(Array.from({ length: 500 }, (_, index) => ({ id: index + 1 })));
});
afterEach(async () => {
  await emptyLedger(db());
  await partition(db(), { undo: true });
  expect(await readShape(db(), defaultTables)).toEqual({ kind: 'plain' });
});

/** Records a page of each document: of patch ids, or with one other id. */
async function record(...docIds: number[]): Promise<void> {
  await repository().upsertPages(
    docIds.map((docId) => ({
      docId,
      page: 1,
      vectorIds: docId % 2 === 0 ? [`id-${docId}`] : patchVectorIds({ docId, page: 1, count: 3 }),
    })),
  );
}

async function recorded(): Promise<number[]> {
  const found = await select<{ doc_id: number }>(
    db(),
    'select doc_id from vectors order by doc_id',
  );
  return found.map(({ doc_id }) => doc_id);
}

async function queued(): Promise<(number | null)[]> {
  const rows = await db().select().from(vectorOrphans);
  return rows.map(({ docId }) => docId).toSorted((a, b) => Number(a) - Number(b));
}

async function ranges(on: Db = db()): Promise<string[]> {
  const shape = await readShape(on, defaultTables);
  if (shape.kind !== 'partitioned') return [];
  return shape.partitions.map(({ name, from, to }) => `${name}: ${from} to ${to}`);
}

test('the table becomes the first partition, and new documents go to the next', async () => {
  await record(5, 6);
  const [before] = await select(db(), `select 'vectors'::regclass::oid::integer as oid`);
  await partition(db(), { at: [200, 100] });
  expect(await ranges()).toEqual([
    'vectors_p0: null to 100',
    'vectors_p1: 100 to 200',
    'vectors_p2: 200 to null',
  ]);
  expect(await select(db(), `select 'vectors_p0'::regclass::oid::integer as oid`)).toEqual([
    before,
  ]);
  expect(await ledgerDrift(db())).toEqual([]);
  await record(100, 199, 200, 201);
  expect(await recorded()).toEqual([5, 6, 100, 199, 200, 201]);
  expect(await select(db(), 'select doc_id from vectors_p1 order by 1')).toEqual([
    { doc_id: 100 },
    { doc_id: 199 },
  ]);
  expect((await repository().locate(['id-6', 'id-200'])).map((found) => found?.docId)).toEqual([
    6, 200,
  ]);
  expect(await select(db(), 'select count(*)::integer as patches from vector_patches')).toEqual([
    { patches: 3 + 1 + 1 + 3 + 1 + 3 },
  ]);
});

test('partitions that are one table again are as the migrations made it', async () => {
  const before = await readLedgerObjects(db(), defaultTables);
  await record(5, 6);
  await partition(db(), { at: [100] });
  await record(100, 101, 102, 103);
  await partition(db(), { undo: true });
  expect(await readLedgerObjects(db(), defaultTables)).toEqual(before);
  expect(await recorded()).toEqual([5, 6, 100, 101, 102, 103]);
  expect(await queued()).toEqual([]);
  await record(7);
  await repository().deleteByDocument(100);
  expect(await queued()).toEqual([100]);
});

test('a statement that names a partition queues ids too', async () => {
  await partition(db(), { at: [100] });
  await record(1, 2, 100, 101, 102);
  await execute(
    db(),
    'delete from vectors_p0 where doc_id = 1',
    `update vectors_p1 set vector_ids = '["new"]' where doc_id = 100`,
    'truncate vectors_p0',
  );
  expect(await queued()).toEqual([1, 2, 100]);
  await execute(db(), 'truncate vectors');
  expect(await queued()).toEqual([1, 2, 100, 100, 101, 102]);
});

test('a page that moves to another partition with other ids queues its old ids', async () => {
  await partition(db(), { at: [100] });
  await record(5, 6);
  await execute(
    db(),
    `update vectors set doc_id = 105, vector_ids = '["new"]' where doc_id = 5`,
    'update vectors set doc_id = 106 where doc_id = 6',
  );
  expect(await recorded()).toEqual([105, 106]);
  expect(await queued()).toEqual([5]);
});

test('drift names partitions that the host attached without triggers, and a primary key of one column', async () => {
  await partition(db(), { at: [100] });
  await execute(
    db(),
    'truncate vectors_p1',
    'drop table vectors_p1',
    'create table own_partition partition of vectors for values from (100) to (maxvalue)',
  );
  const drift = await ledgerDrift(db());
  expect(drift.map(({ object, problem }) => `${object} is ${problem}`)).toEqual([
    'trigger vectors_queue_deleted on own_partition is missing',
    'trigger vectors_queue_truncated on own_partition is missing',
    'trigger vectors_wait_after_insert on own_partition is missing',
    'trigger vectors_wait_after_update on own_partition is missing',
  ]);
  for (const { fix } of drift) await execute(db(), fix);
  expect(await ledgerDrift(db())).toEqual([]);
  await record(101);
  await execute(db(), 'truncate own_partition');
  expect(await queued()).toEqual([101]);
});

test('migrations have nothing to apply, and are not undone while there are partitions', async () => {
  await partition(db(), { at: [100] });
  expect(await migrate({ db: db() })).toEqual({ applied: [], warnings: [] });
  await expect(rollback({ db: db() })).rejects.toThrow(
    /Migrations cannot be undone while "vectors" is partitioned\nHint: .*--undo/,
  );
  await installLedger(db());
  expect(await ledgerDrift(db())).toEqual([]);
  expect(await ranges()).toHaveLength(2);
});

test('deleting a document deletes its pages and queues their ids', async () => {
  await partition(db(), { at: [100] });
  await record(5, 6, 105);
  await execute(db(), 'delete from documents where id in (5, 105)');
  expect(await recorded()).toEqual([6]);
  expect(await queued()).toEqual([5, 105]);
  await execute(db(), 'insert into documents values (5), (105)');
});

describe('a new range', () => {
  test('begins where the last one then ends', async () => {
    await partition(db(), { at: [100] });
    await record(5, 150);
    await partition(db(), { at: [300, 200] });
    expect(await ranges()).toEqual([
      'vectors_p0: null to 100',
      'vectors_p1: 100 to 200',
      'vectors_p2: 200 to 300',
      'vectors_p3: 300 to null',
    ]);
    expect(await ledgerDrift(db())).toEqual([]);
    await record(250, 350);
    await execute(db(), 'delete from vectors_p2', 'truncate vectors_p3');
    expect(await recorded()).toEqual([5, 150]);
    expect(await queued()).toEqual([250, 350]);
  });

  test('that exists is not added again', async () => {
    await partition(db(), { at: [100, 200] });
    await partition(db(), { at: [100, 200] });
    expect(await ranges()).toHaveLength(3);
    expect(await partitionSql(db(), { at: [200] })).toBe('-- There is nothing to do.');
  });

  test('cannot begin below a page that exists, and nothing changes', async () => {
    await record(150);
    const inUse = /pages of document 150, so a new range cannot begin at 150/;
    await expect(partition(db(), { at: [150] })).rejects.toThrow(inUse);
    await partition(db(), { at: [151] });
    await record(160);
    await expect(partition(db(), { at: [155] })).rejects.toThrow(/pages of document 160/);
    await emptyLedger(db());
    await expect(partition(db(), { at: [151, 20] })).rejects.toThrow(
      /the last range begins at 151/,
    );
    expect(await ranges()).toHaveLength(2);
    await record(5, 400);
  });
});

describe('dropping a range', () => {
  test('queues its ids, and its documents can be recorded in the next', async () => {
    await partition(db(), { at: [100, 200] });
    await record(5, 6, 150, 250);
    await partition(db(), { drop: 'vectors_p0' });
    expect(await ranges()).toEqual(['vectors_p1: null to 200', 'vectors_p2: 200 to null']);
    expect(await queued()).toEqual([5, 6]);
    expect(await recorded()).toEqual([150, 250]);
    await record(6);
    expect(await recorded()).toEqual([6, 150, 250]);
    await partition(db(), { drop: 'vectors_p1' });
    expect(await queued()).toEqual([5, 6, 6, 150]);
    await partition(db(), { at: [300] });
    expect(await ranges()).toEqual(['vectors_p2: null to 300', 'vectors_p3: 300 to null']);
  });

  test('is refused for the last one, and for one that does not exist', async () => {
    await partition(db(), { at: [100] });
    await expect(partition(db(), { drop: 'vectors_p1' })).rejects.toThrow(/add a range first/);
    await expect(partition(db(), { drop: 'vectors' })).rejects.toThrow(
      'There is no partition vectors; expected one of vectors_p0, vectors_p1',
    );
  });
});

describe('what was begun is finished by the same call', () => {
  test('after the index was created but is not valid', async () => {
    await record(5, 6);
    await execute(
      db(),
      'create unique index concurrently vectors_id_doc_id_key on vectors (id, doc_id)',
    );
    expect(await partitionSql(db(), { at: [100] })).not.toContain('concurrently');
    await execute(
      db(),
      `update pg_index set indisvalid = false where indexrelid = 'vectors_id_doc_id_key'::regclass`,
    );
    expect(await partitionSql(db(), { at: [100] })).toMatch(
      /drop index concurrently "public"."vectors_id_doc_id_key";\ncreate unique index concurrently/,
    );
    await partition(db(), { at: [100] });
    expect(await ranges()).toHaveLength(2);
  });

  test('after the check of another range was added', async () => {
    await record(5);
    await execute(
      db(),
      'alter table vectors add constraint vectors_range_check check (doc_id < 7) not valid',
    );
    await partition(db(), { at: [100] });
    await record(9);
    expect(await recorded()).toEqual([5, 9]);
  });
});

test('a step that fails leaves the table as it was, and takes pages of all documents', async () => {
  await execute(db(), 'create table vectors_p1 (id integer)');
  const error = await thrownBy(partition(db(), { at: [100] }));
  expect(error).toBeInstanceOf(MigrationError);
  expect(error).toMatchObject({ hint: 'Run the command again. It goes on where it stopped.' });
  expect(String(error)).toContain('relation "vectors_p1" already exists');
  await record(5, 400);
  await execute(db(), 'drop table vectors_p1');
  expect(await ranges()).toEqual([]);
  await execute(db(), 'drop index vectors_id_doc_id_key');
});

test('views, rights, policies, storage parameters and indexes of the host stay', async () => {
  await execute(
    db(),
    'create role partition_reader',
    'create role partition_writer',
    'alter default privileges grant all on tables to partition_reader',
    'grant select (doc_id, page) on vectors to partition_reader',
    'grant select, insert on vectors to partition_writer with grant option',
    `create policy own on vectors for select to partition_reader
      using (exists (select from documents where documents.id = vectors.doc_id and id % 2 = 0))`,
    'alter table vectors enable row level security',
    'alter table vectors set (fillfactor = 90)',
    `comment on column vectors.page is 'from 1'`,
    `comment on table vectors is 'the host''s'`,
    'create function host_trigger() returns trigger language plpgsql as $$ begin return null; end $$',
    'create trigger host_trigger after insert on vectors execute function host_trigger()',
    'create index host_index on vectors (namespace)',
    'create view host_view with (security_barrier) as select doc_id as "my id" from vectors where page = 1',
  );
  await record(5, 6);
  const about = () =>
    select(
      db(),
      `select
        (select jsonb_agg(acl::text) from unnest(relacl) as acl)::text as acl, relrowsecurity, relowner,
        (select string_agg(attacl::text, ',') from pg_attribute where attrelid = pg_class.oid) as columns,
        (select string_agg(pg_get_expr(polqual, polrelid), ',') from pg_policy where polrelid = pg_class.oid) as policies,
        col_description(oid, 3) as comment, obj_description(oid) as table_comment,
        (select string_agg(tgname, ',' order by tgname) from pg_trigger where tgrelid = pg_class.oid and not tgisinternal) as triggers,
        (select string_agg(reloptions::text, ',') from pg_class where relname = 'host_view') as options
      from pg_class where oid = 'vectors'::regclass`,
    );
  const before = await about();
  try {
    await partition(db(), { at: [100] });
    await record(106);
    expect(await about()).toEqual(before);
    expect(await select(db(), 'select "my id" from host_view order by 1')).toEqual([
      { 'my id': 5 },
      { 'my id': 6 },
      { 'my id': 106 },
    ]);
    expect(
      await select(
        db(),
        `select relacl::text as acl, reloptions::text as options,
          (select count(*)::integer from pg_index where indrelid = pg_class.oid) as indexes
        from pg_class where relname = 'vectors_p1'`,
      ),
    ).toMatchObject([
      { acl: expect.not.stringContaining('reader'), options: '{fillfactor=90}', indexes: 6 },
    ]);
    await partition(db(), { undo: true });
    expect(await about()).toEqual(before);
    expect(await select(db(), 'select count(*)::integer as pages from host_view')).toEqual([
      { pages: 3 },
    ]);
  } finally {
    await execute(
      db(),
      'drop view host_view',
      'drop function host_trigger cascade',
      'comment on table vectors is null',
      'drop index host_index',
      'alter table vectors disable row level security',
      'alter table vectors reset (fillfactor)',
      'drop policy own on vectors',
      'drop owned by partition_reader, partition_writer',
      'alter default privileges revoke all on tables from partition_reader',
      'drop role partition_reader, partition_writer',
    );
  }
});

test.each([
  ['a foreign key', 'create table host (vector_id integer references vectors)', 'drop table host'],
  [
    'a materialized view',
    'create materialized view host as select * from vectors',
    'drop materialized view host',
  ],
  ['a child table', 'create table host () inherits (vectors)', 'drop table host'],
  ['a publication', 'create publication host for table vectors', 'drop publication host'],
  ['a unique index', 'create unique index host on vectors (namespace)', 'drop index host'],
  [
    'a disabled trigger',
    `create trigger host after insert on vectors execute function vectors_queue_deleted();
    alter table vectors disable trigger host`,
    'drop trigger host on vectors',
  ],
])('what cannot move is named, and nothing changes: %s', async (_, create, drop) => {
  await execute(db(), ...create.split(';'));
  await expect(partition(db(), { at: [100] })).rejects.toThrow(
    /^public\.vectors cannot be partitioned: .*host.*Remove what is in the way/,
  );
  await execute(db(), drop);
});

test('partitions that something refers to are not made one table, and nothing changes', async () => {
  await partition(db(), { at: [100] });
  await execute(db(), 'create materialized view host as select * from vectors');
  await expect(partition(db(), { undo: true })).rejects.toThrow(
    /^public\.vectors cannot be one table again: .*host.*Remove what is in the way/,
  );
  expect(await ranges()).toHaveLength(2);
  await execute(db(), 'drop materialized view host');
});

test('one table again locks the documents first, so that no reader can stop the copy half way', async () => {
  await partition(db(), { at: [100] });
  const printed = await partitionSql(db(), { undo: true });
  const lock = printed.indexOf('lock table public.documents in access exclusive mode');
  expect(lock).toBeGreaterThan(0);
  expect(printed.indexOf('insert into')).toBeGreaterThan(lock);
});

test('a ledger of text keys in another schema has ranges of texts', async () => {
  const shelf = pgSchema('my shelf');
  const books = shelf.table('books', { isbn: text().primaryKey() });
  const ledger = defineLedger({ documents: books.isbn, name: 'book_vectors', schema: shelf });
  await createTables(db(), { shelf, books, ...ledger });
  await installLedger(db(), ledger);
  await db()
    .insert(books)
    .values(["a'b", 'm\\1', 'z'].map((isbn) => ({ isbn })));
  const ofBooks = createVectorRepository(db(), { ledger });
  await ofBooks.upsertPage({ docId: "a'b", page: 1, vectorIds: ['x'] });
  await partition(db(), { ledger, at: ["m'\\"] });
  await ofBooks.upsertPage({ docId: 'z', page: 1, vectorIds: ['y'] });
  expect(await readShape(db(), tablesOf(ledger))).toMatchObject({
    partitions: [
      { name: '"my shelf".book_vectors_p0', from: null, to: "m'\\" },
      { from: "m'\\", to: null },
    ],
  });
  expect((await ofBooks.locate(['x', 'y'])).map((found) => found?.docId)).toEqual(["a'b", 'z']);
  await partition(db(), { ledger, drop: '"my shelf".book_vectors_p0' });
  expect(await db().select().from(ledger.vectorOrphans)).toMatchObject([{ docId: "a'b" }]);
  await partition(db(), { ledger, undo: true });
  expect(await ofBooks.findByDocument('z')).toHaveLength(1);
});

test('options that are not valid are rejected', async () => {
  const invalid = async (options: object, path: (string | number)[]) => {
    const error = await thrownBy(partition(db(), options as never));
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ path });
  };
  await invalid({}, ['options']);
  await invalid({ at: [1], undo: true }, ['options']);
  await invalid({ at: [] }, ['options', 'at']);
  await invalid({ at: [5, 0] }, ['options', 'at', 1]);
  await invalid({ drop: 5 }, ['options', 'drop']);
  await invalid({ at: [5], lockTimeoutMs: 0 }, ['options', 'lockTimeoutMs']);
  await db().transaction(async (tx) => {
    await expect(partition(tx, { at: [5] })).rejects.toThrow(
      'must be a database, not a transaction',
    );
  });
  await expect(partition(db(), { drop: 'vectors_p0' })).rejects.toThrow(
    'The ledger is not partitioned',
  );
});
