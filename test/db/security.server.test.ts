/** Runs the scripts of docs/security.md and then tries to break in. */
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  migrate,
  migrationStatus,
  type OpenDatabase,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
} from '../../src/index.ts';
import { createServerDatabase, execute, select } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { codeBlocks } from '../support/docs.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { thrownBy } from '../support/thrown-by.ts';

/** The names of roles belong to the whole server, so each run has its own. */
const suffix = randomBytes(4).toString('hex');
const role = (name: string) => `${name}_${suffix}`;
const roles = [
  ...['ledger_owner', 'ledger_app', 'ledger_reader', 'ledger_purger'],
  ...['tenant_a', 'tenant_b', 'stranger'],
].map(role);

/** Whether the view has the rights of its reader. Before PostgreSQL 15, tenants may not use it. */
let viewAsksReader: boolean;
const ifViewAsksReader = (...statements: string[]) => (viewAsksReader ? statements : []);

let database: { url: string; drop: () => Promise<void> };
let admin: OpenDatabase;
const opened: OpenDatabase[] = [];
let store: MemoryStore;
/** Document 1 belongs to tenant_a, document 2 to tenant_b. */
const victimIds = ['secret-vector-1', 'secret-vector-2', 'secret-vector-3'];

/** Opens the database as a role of the scripts. */
async function openAs(name: string): Promise<OpenDatabase> {
  const database = await openDatabase(urlWith(databaseUrl(), { user: role(name) }));
  opened.push(database);
  return database;
}
const databaseUrl = () => database.url;

/** The SQL of docs/security.md for this run: its roles, its database, and a password that `urlWith` expects. */
function scripts(): string[] {
  return codeBlocks('docs/security.md', 'sql').map((block) =>
    block
      .replaceAll(/\b(ledger_(?:owner|app|reader|purger)|tenant_a)\b/g, (name) => role(name))
      .replaceAll(/create role (\w+) login password '[^']*'/g, "create role $1 login password '$1'")
      .replaceAll('on database app', `on database ${new URL(databaseUrl()).pathname.slice(1)}`),
  );
}

beforeAll(async () => {
  database = await createServerDatabase();
  admin = await openDatabase(database.url);
  const [server] = await select<{ version: number }>(
    admin.db,
    `select current_setting('server_version_num')::integer as version`,
  );
  viewAsksReader = (server?.version ?? 0) >= 150_000;
  const [before = '', after = '', tenants = ''] = scripts();
  await execute(
    admin.db,
    'create table documents (id serial primary key, tenant text)',
    'alter default privileges grant all on tables to public',
    'alter default privileges grant execute on functions to public',
    before,
  );
  const ownerUrl = urlWith(database.url, { user: role('ledger_owner') });
  const owner = await openAs('ledger_owner');
  // A hosting platform may give every role all rights on new objects.
  await execute(owner.db, 'alter default privileges grant all on tables to public');
  await migrate({ url: ownerUrl });
  await execute(owner.db, after);
  // The owner of the ledger does not own documents, so an administrator runs the script for tenants.
  await execute(
    admin.db,
    tenants,
    `create role ${role('tenant_b')} login password '${role('tenant_b')}' in role ${role('ledger_app')}`,
    `alter role ${role('tenant_b')} set search_path = public`,
    `create role ${role('stranger')} login password '${role('stranger')}'`,
    `insert into documents (tenant) values ('${role('tenant_a')}'), ('${role('tenant_b')}')`,
  );
  store = new MemoryStore();
  store.write(victimIds);
  const victim = await openAs('tenant_b');
  await createVectorRepository(victim.db).upsertPage({ docId: 2, page: 1, vectorIds: victimIds });
});

afterAll(async () => {
  for (const { close } of [...opened, admin]) await close();
  await database.drop();
  const server = await openDatabase(inject('serverUrl'));
  await execute(server.db, `drop role if exists ${roles.join(', ')}`);
  await server.close();
});

/** What PostgreSQL answers, or `allowed` if the statement succeeds. Rolled back. */
async function attempt(db: Db, ...statements: string[]): Promise<string> {
  const undo = new Error('undo');
  const error = await thrownBy(
    db.transaction(async (tx) => {
      await execute(tx, ...statements);
      throw undo;
    }),
  );
  if (error === undo) return 'allowed';
  const { cause } = error as { cause?: { message?: string } };
  return cause?.message ?? (error as Error).message;
}

test('nothing differs from what the migrations create', async () => {
  expect((await migrationStatus({ url: database.url })).drift).toEqual([]);
});

describe('the application role of one tenant', () => {
  let db: Db;
  beforeAll(async () => {
    db = (await openAs('tenant_a')).db;
  });
  const repository = () => createVectorRepository(db);

  test('records, reads, locates, replaces and deletes the pages of its own documents', async () => {
    const ids = patchVectorIds({ docId: 1, page: 1, count: 5 });
    await repository().ingest([{ docId: 1, page: 1, vectorIds: ids }], async () => {});
    await repository().upsertPage({ docId: 1, page: 2, vectorIds: ['Ab', 'own-1'] });
    expect(await repository().findByPage(1, 1)).toMatchObject({ vectorIds: ids });
    expect(await repository().locate(['own-1', ids[4] ?? ''])).toMatchObject([
      { docId: 1, page: 2, patch: 1 },
      { docId: 1, page: 1, patch: 4 },
    ]);
    expect(await repository().resolveHits([{ vectorId: 'own-1', score: 1 }])).toMatchObject({
      pages: [{ docId: 1, page: 2, hits: [{ patch: 1 }] }],
    });
    await repository().replaceDocument(1, [{ docId: 1, page: 3, vectorIds: ['own-2'] }]);
    expect(await repository().countPages(1)).toBe(1);
    const ownView = 'select vector_id from vector_patches';
    if (viewAsksReader) expect(await select(db, ownView)).toEqual([{ vector_id: 'own-2' }]);
    else expect(await attempt(db, ownView)).toContain('permission denied');
    expect(await repository().deleteByDocument(1)).toBe(1);
  });

  test('does not see, locate, change or delete the pages of another tenant', async () => {
    expect(await repository().findByDocument(2)).toEqual([]);
    expect(await repository().findByPage(2, 1)).toBeUndefined();
    expect(await repository().countPages(2)).toBe(0);
    expect(await repository().locate(victimIds)).toEqual([undefined, undefined, undefined]);
    const hits = victimIds.map((vectorId) => ({ vectorId, score: 1 }));
    expect(await repository().resolveHits(hits)).toEqual({ pages: [], unknown: victimIds });
    expect(await repository().deleteByDocument(2)).toBe(0);
    expect(await repository().deleteByPage(2, 1)).toBe(false);
    const pages: unknown[] = [];
    for await (const page of repository().streamPages()) pages.push(page);
    expect(pages).toEqual([]);
    for (const query of [
      'select from vectors',
      ...ifViewAsksReader('select from vector_patches'),
      'select from documents where id = 2',
      `select from vectors_holding('["secret-vector-1"]')`,
    ]) {
      expect(await select(db, query), query).toEqual([]);
    }
  });

  test.each([
    ['records a page', { docId: 2, page: 9, vectorIds: ['x'] }],
    ['records an existing page again', { docId: 2, page: 1, vectorIds: ['x'] }],
  ])('is rejected when it %s of another tenant', async (_, page) => {
    const error = await thrownBy(repository().upsertPage(page));
    expect(error).toMatchObject({ name: 'DatabaseError', sqlState: '42501' });
    expect(JSON.stringify(error) + String(error)).not.toContain('secret-vector');
  });

  test('cannot replace the document of another tenant', async () => {
    const error = await thrownBy(repository().replaceDocument(2, []));
    expect(error).toMatchObject({ name: 'DocumentNotFoundError' });
  });

  test('cannot purge or audit, which need to see all pages', async () => {
    for (const work of [
      () => purgeOrphans(db, store.deleteVectors),
      () => auditVectors(db, store, { queueUntracked: true, maxUntrackedShare: 1 }),
    ]) {
      const error = await thrownBy(work());
      expect(error).toMatchObject({ name: 'DatabaseError', sqlState: '42501' });
      expect((error as Error).message).toContain('Row level security');
    }
    expect([...store.ids]).toEqual(victimIds);
  });

  test('cannot run its own code on the rows of another tenant', async () => {
    const notices: string[] = [];
    const spy = await openDatabase(urlWith(database.url, { user: role('tenant_a') }));
    await spy.db.transaction(async (tx) => {
      await execute(
        tx,
        `create function pg_temp.leak(jsonb) returns boolean cost 0.0001 language plpgsql
         as $$ begin perform set_config('leak.ids', current_setting('leak.ids', true) || $1::text, true); return true; end $$`,
        `select set_config('leak.ids', '', true)`,
        'select from vectors where pg_temp.leak(vector_ids)',
        ...ifViewAsksReader('select from vector_patches where pg_temp.leak(to_jsonb(vector_id))'),
      );
      const [row] = await select<{ ids: string }>(tx, `select current_setting('leak.ids') as ids`);
      notices.push(row?.ids ?? '');
    });
    await spy.close();
    expect(notices).toEqual(['']);
  });
});

describe.each(['tenant_a', 'ledger_reader', 'stranger'])('the role %s', (name) => {
  let db: Db;
  beforeAll(async () => {
    db = (await openAs(name)).db;
  });

  test.each([
    ['read the queue', 'select from vector_orphans'],
    ['queue ids', `insert into vector_orphans (vector_ids, vector_count) values ('["a"]', 1)`],
    ['empty the ledger', 'truncate vectors'],
    ['drop the table', 'drop table vectors'],
    [
      'add a trigger',
      'create trigger t after insert on vectors execute function vectors_queue_deleted()',
    ],
    ['disable the triggers', 'alter table vectors disable trigger all'],
    ['skip the triggers', 'set session_replication_role = replica'],
    ['change a function', 'alter function vectors_queue_deleted() security invoker'],
    ['create a table in public', 'create table public.vector_orphans_2 ()'],
    [
      'create an operator in public',
      'create function public.lpad(text, integer, jsonb) returns text language sql as $$ select 1 $$',
    ],
    ['create a schema', `create schema ${role('ledger_owner')}`],
    ['become the owner', `set role ${role('ledger_owner')}`],
  ])('cannot %s', async (_, statement) => {
    expect(await attempt(db, statement)).toMatch(/permission denied|must be owner|no schema/);
  });

  test.each([
    [
      'vectors_queue_deleted',
      'after delete',
      'referencing old table as deleted for each statement',
    ],
    ['vectors_queue_replaced', 'after update', 'for each row'],
    ['vectors_queue_truncated', 'before truncate', 'for each statement'],
    ['vectors_new_revision', 'before update', 'for each row'],
    [
      'vectors_wait_for_purge',
      'after insert',
      'referencing new table as written for each statement',
    ],
  ])('cannot attach %s to a table of its own', async (trigger, event, level) => {
    expect(
      await attempt(
        db,
        'create temp table t (doc_id integer, page integer, vector_ids jsonb)',
        `create trigger t ${event} on t ${level} execute function public.${trigger}()`,
      ),
    ).toContain('permission denied for function');
    expect(await attempt(db, `select public.${trigger}()`)).toContain('permission denied');
  });
});

test('a reader reads and cannot write', async () => {
  // The policies of the script are for the application's roles only.
  await execute(
    admin.db,
    `create policy reader on vectors for select to ${role('ledger_reader')} using (true)`,
  );
  const { db } = await openAs('ledger_reader');
  const repository = createVectorRepository(db);
  expect(await repository.findByPage(2, 1)).toMatchObject({ vectorIds: victimIds });
  expect(await repository.locate(victimIds.slice(0, 1))).toMatchObject([{ docId: 2, page: 1 }]);
  const hits = victimIds.map((vectorId) => ({ vectorId, score: 1 }));
  expect((await repository.resolveHits(hits)).pages).toMatchObject([{ docId: 2, page: 1 }]);
  expect(await thrownBy(repository.deleteByPage(2, 1))).toMatchObject({ sqlState: '42501' });
  await execute(admin.db, 'drop policy reader on vectors');
});

describe('a role that may create objects', () => {
  /** Everything a hostile role could put in front of what the ledger uses. */
  const shadows = (schema: string) => [
    `create table ${schema}.vector_orphans (doc_id integer, page integer, vector_ids jsonb, vector_count integer, namespace text)`,
    `create table ${schema}.vectors (doc_id integer, page integer, vector_ids jsonb)`,
    `create function ${schema}.stolen() returns integer language plpgsql as $$ begin raise exception 'hostile code ran as %', current_user; end $$`,
    ...[
      'vectors_count_ids(jsonb)',
      'vectors_purge_lock_key(integer)',
      'vectors_ids_are_valid(jsonb)',
      'vectors_index_key(text)',
      'vectors_index_keys(jsonb)',
      'vectors_index_keys_of_many(jsonb)',
      'vectors_has_own_ids(integer, integer, jsonb)',
      'vectors_expand_ids(jsonb)',
      'vectors_holding(jsonb)',
      'mod(bigint, integer)',
      'lpad(text, integer, jsonb)',
      'lpad(text, integer, text)',
      'to_hex(integer)',
      'jsonb_typeof(jsonb)',
      'jsonb_array_length(jsonb)',
      'pg_advisory_xact_lock_shared(bigint)',
      'nextval(regclass)',
    ].map(
      (signature) =>
        `create function ${schema}.${signature} returns integer language sql as $$ select ${schema}.stolen() $$`,
    ),
    ...[
      ['->>', 'jsonb', 'jsonb'],
      ['->', 'jsonb', 'jsonb'],
      ['@?', 'jsonb', 'jsonb'],
      ['=', 'jsonb', 'text'],
      ['<>', 'jsonb', 'text'],
      ['<>', 'jsonb', 'jsonb'],
      ['||', 'text', 'text'],
      ['+', 'bigint', 'integer'],
      ['&', 'integer', 'integer'],
    ].flatMap(([operator, left, right], index) => [
      `create function ${schema}.operator_${index}(${left}, ${right}) returns boolean language sql as $$ select ${schema}.stolen() = 1 $$`,
      `create operator ${schema}.${operator} (leftarg = ${left}, rightarg = ${right}, function = ${schema}.operator_${index})`,
    ]),
  ];

  test('cannot make the ledger run its code, in its session or in another', async () => {
    await execute(
      admin.db,
      `create schema hostile authorization ${role('stranger')}`,
      `create schema ${role('tenant_b')} authorization ${role('stranger')}`,
    );
    const stranger = await openAs('stranger');
    for (const schema of ['hostile', role('tenant_b')]) {
      await execute(
        stranger.db,
        ...shadows(schema),
        `grant usage on schema ${schema} to public`,
        `grant all on all tables in schema ${schema} to public`,
      );
    }
    // A session whose search_path begins with the hostile schema, and whose temporary tables have our names.
    const attacker = await openDatabase(
      urlWith(database.url, {
        user: role('tenant_b'),
        settings: { search_path: 'hostile,pg_catalog,public' },
      }),
    );
    await attacker.db.transaction(async (tx) => {
      await execute(
        tx,
        'create temp table vector_orphans (doc_id integer, page integer, vector_ids jsonb, vector_count integer, namespace text)',
        `insert into public.vectors (doc_id, page, vector_ids) values (2, 7, '["a", {"prefix": "x", "from": "1", "count": 4}]')`,
        `update public.vectors set vector_ids = '["B"]' where page = 7`,
        `delete from public.vectors where page = 7`,
      );
      expect(await select(tx, 'select from pg_temp.vector_orphans')).toEqual([]);
    });
    await attacker.close();
    const victim = await openAs('tenant_b');
    await createVectorRepository(victim.db).upsertPage({
      docId: 2,
      page: 8,
      vectorIds: ['b', 'B'],
    });
    await createVectorRepository(victim.db).deleteByPage(2, 8);
    const queued = await select<{ vector_ids: unknown }>(
      admin.db,
      'select vector_ids::text from vector_orphans where page in (7, 8) order by id',
    );
    expect(queued.map(({ vector_ids }) => vector_ids)).toEqual([
      '["a", {"from": "1", "count": 4, "prefix": "x"}]',
      '["B"]',
      '["b", "B"]',
    ]);
  });

  test('cannot shadow anything while the ledger is migrated', async () => {
    const other = await createServerDatabase();
    const db = await openDatabase(other.url);
    await execute(db.db, `create schema hostile authorization ${role('stranger')}`);
    const stranger = await openDatabase(urlWith(other.url, { user: role('stranger') }));
    await execute(stranger.db, ...shadows('hostile'), 'grant usage on schema hostile to public');
    // The operators of pg_catalog come first only if they match as well as others.
    await migrate({ url: urlWith(other.url, { settings: { search_path: 'public,hostile' } }) });
    await execute(
      db.db,
      'insert into documents default values',
      `insert into vectors (doc_id, page, vector_ids) values (1, 1, '["a", {"prefix": "x", "from": "1", "count": 4}]')`,
      `update vectors set vector_ids = '["B"]'`,
      'delete from vectors',
    );
    expect(await select(db.db, 'select vector_ids::text from vector_orphans')).toHaveLength(2);
    expect((await migrationStatus({ url: other.url })).drift).toEqual([]);
    // Nobody has run the scripts of docs/security.md in this database.
    expect(
      await attempt(
        stranger.db,
        'create temp table t (doc_id integer, page integer, vector_ids jsonb)',
        'create trigger t after update on t for each row execute function vectors_queue_replaced()',
      ),
    ).toContain('permission denied for function');
    await stranger.close();
    await db.close();
    await other.drop();
  });
});

describe('status reports a change that makes the ledger insecure again', () => {
  test.each([
    [
      'a search_path',
      'alter function vectors_queue_deleted() set search_path = public',
      'function vectors_queue_deleted',
    ],
    [
      'a right to execute',
      'grant execute on function vectors_queue_deleted() to public',
      'function vectors_queue_deleted',
    ],
    [
      'another owner',
      `alter function vectors_queue_deleted() owner to ${role('stranger')}`,
      'function vectors_queue_deleted',
    ],
    [
      "a view with its owner's rights",
      'alter view vector_patches reset (security_invoker)',
      'view vector_patches',
    ],
    [
      'security definer',
      'alter function vectors_holding(jsonb) security definer',
      'function vectors_holding',
    ],
  ])('%s', async (_, statement, object) => {
    if (object === 'view vector_patches' && !viewAsksReader) return;
    await execute(admin.db, statement);
    const { drift } = await migrationStatus({ url: database.url });
    expect(drift?.map((found) => found.object)).toEqual([object]);
    await execute(
      admin.db,
      'alter function vectors_queue_deleted() set search_path = pg_catalog, pg_temp',
      `alter function vectors_queue_deleted() owner to ${role('ledger_owner')}`,
      'revoke execute on function vectors_queue_deleted() from public',
      ...ifViewAsksReader('alter view vector_patches set (security_invoker = true)'),
      'alter function vectors_holding(jsonb) security invoker',
    );
    expect((await migrationStatus({ url: database.url })).drift).toEqual([]);
  });
});

test('replaceDocument says that a policy for updates is missing', async () => {
  const { db } = await openAs('tenant_a');
  await execute(
    admin.db,
    'drop policy tenant on documents',
    'create policy tenant on documents for select using (true)',
  );
  const error = await thrownBy(createVectorRepository(db).replaceDocument(1, []));
  expect(error).toMatchObject({ name: 'DatabaseError', sqlState: '42501' });
  expect((error as Error).message).toContain('FOR UPDATE');
});

test('TRUNCATE fails if a policy hides pages from the owner, whose ids would not be queued', async () => {
  expect(
    await attempt(admin.db, 'alter table vectors force row level security', 'truncate vectors'),
  ).toContain('row-level security policy');
  expect(await attempt(admin.db, 'truncate vectors')).toBe('allowed');
});

test('the purge of ledger_purger deletes the orphans of every tenant', async () => {
  const purger = await openAs('ledger_purger');
  const deleted: string[] = [];
  await purgeOrphans(purger.db, async (ids) => {
    deleted.push(...ids);
  });
  expect(deleted).not.toContain(victimIds[0]);
  expect(await select(purger.db, 'select from vector_orphans')).toEqual([]);
});
