import { bigint, integer, pgSchema, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Db,
  defineLedger,
  documents,
  installLedger,
  type Ledger,
  ledgerDrift,
  type SchemaDrift,
} from '../../src/index.ts';
import { createTables } from '../support/create-tables.ts';
import { execute, inRolledBackTransaction, useTestDatabase } from '../support/database.ts';

const database = useTestDatabase();

const app = pgSchema('My app');
const files = app.table('files of users', { fileId: uuid('file id').primaryKey() });
const scans = pgTable('scans', { id: bigint({ mode: 'bigint' }).primaryKey() });
const books = pgTable('books', { isbn: text().primaryKey() });
const reports = pgTable('reports', { number: integer().primaryKey() });

/** In one database, beside the package's own. Two names are words of SQL or begin like others. */
const kinds = [
  {
    kind: 'uuid keys in another schema',
    ledger: defineLedger({ documents: files.fileId, schema: app }),
    table: '"My app"."vectors"',
    schema: '"My app"',
  },
  {
    kind: 'bigint keys',
    ledger: defineLedger({ documents: scans.id, name: 'pages' }),
    table: '"pages"',
    schema: 'public',
  },
  {
    kind: 'text keys',
    ledger: defineLedger({ documents: books.isbn, name: 'select' }),
    table: '"select"',
    schema: 'public',
  },
  {
    kind: 'integer keys under another name',
    ledger: defineLedger({ documents: reports.number, name: 'pages_colqwen' }),
    table: '"pages_colqwen"',
    schema: 'public',
  },
] as unknown as { kind: string; ledger: Ledger<string>; table: string; schema: string }[];

beforeAll(async () => {
  const tables = kinds.flatMap(({ ledger }) => [
    ledger.documents,
    ledger.vectors,
    ledger.vectorOrphans,
    ledger.vectorPatches,
  ]);
  await createTables(database(), { app, ...tables });
  for (const { ledger } of kinds) await installLedger(database(), ledger);
});
// What a test changed in one ledger must not show in another.
afterAll(async () => {
  for (const { ledger } of kinds) {
    expect(await ledgerDrift(database(), { ledger })).toEqual([]);
  }
  expect(await ledgerDrift(database())).toEqual([]);
});

const lines = (drift: readonly SchemaDrift[]) =>
  drift.map(({ object, problem }) => `${object} is ${problem}`);

describe.each(kinds)('drift of a ledger with $kind', ({ ledger, table, schema }) => {
  const { name } = ledger;
  const orphans = name === 'vectors' ? 'vector_orphans' : `${name}_orphans`;
  const view = name === 'vectors' ? 'vector_patches' : `${name}_patches`;

  test('is empty after its installation, whatever the search_path', async () => {
    expect(await ledgerDrift(database(), { ledger })).toEqual([]);
    await inRolledBackTransaction(database(), async (tx) => {
      await execute(tx, `set local search_path = ${schema}, pg_catalog, public`);
      expect(await ledgerDrift(tx, { ledger })).toEqual([]);
    });
  });

  test('names the triggers, functions and the view of a ledger that is not installed', async () => {
    await inRolledBackTransaction(database(), async (tx) => {
      await execute(
        tx,
        `drop view ${schema}.${view}`,
        `drop function ${schema}.${name}_queue_deleted cascade`,
      );
      const drift = await ledgerDrift(tx, { ledger });
      expect(lines(drift)).toEqual([
        `trigger ${name}_queue_deleted is missing`,
        `function ${name}_queue_deleted is missing`,
        `view ${view} is missing`,
      ]);
      expect(drift.map(({ fix }) => fix)).toEqual(Array(3).fill('run installLedger(db, ledger)'));
    });
  });

  test.each([
    ['a disabled trigger', `alter table ${table} disable trigger ${name}_queue_replaced`],
    ['a dropped trigger', `drop trigger ${name}_queue_truncated on ${table}`],
    [
      'a function of another kind',
      `alter function ${schema}.${name}_queue_deleted() security invoker`,
    ],
    ['a dropped index', `drop index ${schema}.ix_${name}_vector_ids`],
    ['an index of drizzle-kit', `drop index ${schema}.ix_${orphans}_due`],
    ['a dropped check', `alter table ${table} drop constraint ${name}_page_check`],
    ['a dropped check on ids', `alter table ${table} drop constraint ${name}_vector_ids_check`],
    ['a foreign key', `alter table ${table} drop constraint ${name}_doc_id_fkey`],
    ['a dropped column', `alter table ${schema}.${orphans} drop column namespace`],
    ['a parent', 'create table parent (doc_id integer)', `alter table ${table} inherit parent`],
    [
      'a trigger of the host that may change ids',
      'create function host() returns trigger language plpgsql as $$ begin return new; end $$',
      // Its name begins like those of the ledger.
      `create trigger ${name}_host before update on ${table} for each row execute function host()`,
    ],
    [
      'a sequence that is behind',
      `insert into ${schema}.${orphans} (id, vector_ids, vector_count) values (999, '[]', 0)`,
    ],
  ])('has a fix that works for %s', async (what, ...statements) => {
    await inRolledBackTransaction(database(), async (tx) => {
      const isOfParent = what === 'a parent' && ledger.keyType !== 'integer';
      await execute(
        tx,
        ...statements.map((statement) =>
          isOfParent ? statement.replace('integer', ledger.keyType) : statement,
        ),
      );
      const drift = await ledgerDrift(tx, { ledger });
      expect(lines(drift)).toHaveLength(1);
      await runFix(tx, drift[0]?.fix ?? '', ledger);
      expect(await ledgerDrift(tx, { ledger })).toEqual([]);
    });
  });

  test('says to create a table that is missing', async () => {
    await inRolledBackTransaction(database(), async (tx) => {
      await execute(tx, `drop table ${schema}.${orphans}`);
      const drift = await ledgerDrift(tx, { ledger });
      expect(drift).toHaveLength(15);
      for (const { object, fix } of drift) {
        expect(object).toContain(orphans);
        expect(fix).toMatch(/^create the table .* with your own migration, then run installLedger/);
      }
    });
  });
});

async function runFix(db: Db, fix: string, ledger: Ledger<string>): Promise<void> {
  const [statement = ''] = fix.split(/; an |;? ?run installLedger/);
  if (statement !== '') await execute(db, statement);
  if (fix.endsWith('run installLedger(db, ledger)')) await installLedger(db, ledger);
}

test('the package’s own ledger can be defined and installed like any other', async () => {
  const ledger = defineLedger({ documents: documents.id });
  expect(await ledgerDrift(database(), { ledger })).toEqual([]);
  await inRolledBackTransaction(database(), async (tx) => {
    await execute(tx, 'drop function vectors_wait_for_purge cascade');
    const drift = await ledgerDrift(tx);
    expect(drift.map(({ fix }) => fix)).toEqual(Array(3).fill('run installLedger(db)'));
    await installLedger(tx);
    expect(await ledgerDrift(tx)).toEqual([]);
  });
});
