import { describe, expect, test } from 'vitest';
import { MigrationError, migrate, migrationStatus, rollback } from '../../src/index.ts';
import { execute, select, useEmptyDatabase } from '../support/database.ts';
import { loadLegacyDump } from '../support/legacy.ts';
import { forgetMigration, listUnknownMigration, readJournal, tags } from '../support/migrations.ts';
import { dumpSchema } from '../support/schema-dump.ts';
import { thrownBy } from '../support/thrown-by.ts';

const database = useEmptyDatabase();
const [createVectors, jsonbLedger, orphanTriggers] = tags as [string, string, string];
const current = { applied: tags, pending: [], skipped: [], unknown: 0, drift: [] };

describe('migrationStatus', () => {
  test('lists every migration as pending for an empty database, and creates nothing', async () => {
    const expected = { applied: [], pending: tags, skipped: [], unknown: 0, drift: null };
    expect(await migrationStatus(database().target)).toEqual(expected);
    const found = await select(
      database().db,
      `select nspname::text as name from pg_namespace where nspname = 'drizzle'
       union all select relname::text from pg_class where relnamespace = 'public'::regnamespace`,
    );
    expect(found).toEqual([]);
  });

  test('lists every migration as pending for a database that Alembic created', async () => {
    await loadLegacyDump(database().db, 'plain');
    expect(await migrationStatus(database().target)).toMatchObject({ applied: [], pending: tags });
    await migrate(database().target);
    expect(await migrationStatus(database().target)).toEqual(current);
  });

  test('lists every migration as applied for a migrated database', async () => {
    await migrate(database().target);
    expect(await migrationStatus(database().target)).toEqual(current);
  });

  test('lists the undone migrations as pending after a rollback', async () => {
    await migrate(database().target);
    await rollback({ ...database().target, to: createVectors });
    const expected = {
      applied: [createVectors],
      pending: [jsonbLedger, orphanTriggers],
      drift: null,
    };
    expect(await migrationStatus(database().target)).toMatchObject(expected);
  });
});

describe('migrationStatus reports as drift', () => {
  /** The kind, name and problem of each object that drifted after `statements`. */
  async function driftAfter(...statements: string[]): Promise<string[]> {
    await migrate(database().target);
    await execute(database().db, ...statements);
    const { drift, ...status } = await migrationStatus(database().target);
    expect({ ...status, drift: [] }).toEqual(current);
    for (const { problem, expected, found } of drift ?? []) {
      expect(expected).not.toBe('');
      expect(found === undefined).toBe(problem === 'missing');
      expect(found).not.toBe(expected);
    }
    return (drift ?? []).map(({ object, problem }) => `${object}: ${problem}`);
  }

  const replacedFunction = `
    create or replace function vectors_queue_deleted() returns trigger
    language plpgsql security definer set search_path from current as $$
    begin
      return null;
    end $$`;

  test.each([
    [
      'a dropped index',
      ['drop index ix_vectors_vector_ids'],
      'index ix_vectors_vector_ids: missing',
    ],
    [
      'an index on other columns',
      ['drop index ix_vectors_doc_id', 'create index ix_vectors_doc_id on vectors (doc_id, id)'],
      'index ix_vectors_doc_id: changed',
    ],
    [
      'an index that is no longer unique',
      [
        'drop index ix_vectors_doc_page',
        'create index ix_vectors_doc_page on vectors (doc_id, page)',
      ],
      'index ix_vectors_doc_page: changed',
    ],
    [
      'a disabled trigger',
      ['alter table vectors disable trigger vectors_queue_deleted'],
      'trigger vectors_queue_deleted: changed',
    ],
    [
      'a trigger for replicas only',
      ['alter table vectors enable replica trigger vectors_queue_replaced'],
      'trigger vectors_queue_replaced: changed',
    ],
    [
      'a dropped trigger whose function exists',
      ['drop trigger vectors_queue_truncated on vectors'],
      'trigger vectors_queue_truncated: missing',
    ],
    [
      'a trigger that fires for another event',
      [
        'drop trigger vectors_queue_replaced on vectors',
        `create trigger vectors_queue_replaced after update on vectors
         for each row execute function vectors_queue_replaced()`,
      ],
      'trigger vectors_queue_replaced: changed',
    ],
    ['a function with another body', [replacedFunction], 'function vectors_queue_deleted: changed'],
    [
      'a function that runs as its caller',
      ['alter function vectors_queue_deleted() security invoker'],
      'function vectors_queue_deleted: changed',
    ],
    [
      'a function without a fixed search_path',
      ['alter function vectors_queue_deleted() reset search_path'],
      'function vectors_queue_deleted: changed',
    ],
    [
      'a column of another type',
      ['alter table vector_orphans alter column attempts set data type bigint'],
      'column vector_orphans.attempts: changed',
    ],
    [
      'a column without its default',
      ['alter table vectors alter column indexed_at drop default'],
      'column vectors.indexed_at: changed',
    ],
    [
      'a column that became nullable',
      ['alter table vectors alter column vector_ids drop not null'],
      'column vectors.vector_ids: changed',
    ],
    [
      'a column that became not null',
      ['alter table vectors alter column indexed_at set not null'],
      'column vectors.indexed_at: changed',
    ],
    [
      'a renamed column',
      ['alter table vectors rename column recorded_at to recorded'],
      'column vectors.recorded_at: missing',
    ],
    [
      'a dropped check',
      ['alter table vectors drop constraint vectors_page_check'],
      'constraint vectors_page_check: missing',
    ],
    [
      'a check of another condition',
      [
        'alter table vectors drop constraint vectors_page_check',
        'alter table vectors add constraint vectors_page_check check (page >= 0)',
      ],
      'constraint vectors_page_check: changed',
    ],
    [
      'a check that is not validated',
      [
        'alter table vectors drop constraint vectors_page_check',
        'alter table vectors add constraint vectors_page_check check (page > 0) not valid',
      ],
      'constraint vectors_page_check: changed',
    ],
    [
      'a foreign key without the cascade',
      [
        'alter table vectors drop constraint vectors_doc_id_fkey',
        'alter table vectors add constraint vectors_doc_id_fkey foreign key (doc_id) references documents',
      ],
      'constraint vectors_doc_id_fkey: changed',
    ],
    [
      'a replaced view',
      [
        `create or replace view vector_patches as
         select doc_id, page, 0 as patch, vector_ids ->> 0 as vector_id from vectors`,
      ],
      'view vector_patches: changed',
    ],
    ['a dropped view', ['drop view vector_patches'], 'view vector_patches: missing'],
  ])('%s', async (_, statements, expected) => {
    expect(await driftAfter(...statements)).toEqual([expected]);
  });

  test('a dropped table, with its columns, constraints and indexes', async () => {
    const drift = await driftAfter('drop table vector_orphans');
    expect(drift).toHaveLength(15);
    expect(
      drift.filter(
        (line) => !/^(column|constraint|index) \S*vector_orphans\S*: missing$/.test(line),
      ),
    ).toEqual([]);
  });

  test('several objects, each by its name', async () => {
    const drift = await driftAfter(
      'alter table vectors disable trigger all',
      'drop index ix_vectors_doc_id',
      'drop view vector_patches',
    );
    expect(drift).toEqual([
      'index ix_vectors_doc_id: missing',
      'trigger vectors_new_revision: changed',
      'trigger vectors_queue_deleted: changed',
      'trigger vectors_queue_moved: changed',
      'trigger vectors_queue_replaced: changed',
      'trigger vectors_queue_truncated: changed',
      'trigger vectors_wait_after_insert: changed',
      'trigger vectors_wait_after_update: changed',
      'view vector_patches: missing',
    ]);
  });

  test('nothing that a host added', async () => {
    const drift = await driftAfter(
      'alter table vectors add column embedded_by text, add constraint host_check check (page < 100000)',
      'create index host_index on vectors (embedded_by)',
      'create function vectors_host_touch() returns trigger language plpgsql as $$ begin return new; end $$',
      'create trigger host_trigger before insert on vectors for each row execute function vectors_host_touch()',
      'alter table documents add column title text',
      'create table host_table (id integer references vectors (id))',
      'create view host_view as select * from vector_patches',
      'cluster vectors using vectors_pkey',
      "comment on table vectors is 'ours'",
    );
    expect(drift).toEqual([]);
  });
});

describe('a migration that is older than an applied one', () => {
  test('is listed as skipped, and the next migrate fails without changing anything', async () => {
    await migrate(database().target);
    await forgetMigration(database().db, jsonbLedger);
    const before = [await dumpSchema(database().db), await readJournal(database().db)];
    expect(await migrationStatus(database().target)).toEqual({
      applied: [createVectors, orphanTriggers],
      pending: [],
      skipped: [jsonbLedger],
      unknown: 0,
      drift: null,
    });
    const error = await thrownBy(migrate(database().target));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      tag: jsonbLedger,
      message: expect.stringContaining(jsonbLedger),
    });
    expect([await dumpSchema(database().db), await readJournal(database().db)]).toEqual(before);
  });

  test('stops the next migrate even if another migration is pending', async () => {
    await migrate(database().target);
    await rollback(database().target);
    await forgetMigration(database().db, createVectors);
    const expected = {
      applied: [jsonbLedger],
      pending: [orphanTriggers],
      skipped: [createVectors],
    };
    expect(await migrationStatus(database().target)).toMatchObject(expected);
    await expect(migrate(database().target)).rejects.toMatchObject({ tag: createVectors });
    expect(await readJournal(database().db)).toEqual([jsonbLedger]);
  });
});

test('a migration of a newer package version counts as unknown, and migrate changes nothing', async () => {
  await migrate(database().target);
  await listUnknownMigration(database().db);
  const before = await dumpSchema(database().db);
  expect(await migrationStatus(database().target)).toEqual({ ...current, unknown: 1, drift: null });
  expect(await migrate(database().target)).toEqual({ applied: [], warnings: [] });
  expect(await dumpSchema(database().db)).toBe(before);
  expect(await readJournal(database().db)).toEqual([...tags, 'unknown']);
});
