import { bigint, integer, pgSchema, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { beforeAll, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  defineLedger,
  installLedger,
  type Ledger,
  ledgerDrift,
  uninstallLedger,
  uninstallLedgerSql,
} from '../../src/index.ts';
import { createTables } from '../support/create-tables.ts';
import { execute, inRolledBackTransaction, select, useTestDatabase } from '../support/database.ts';
import { thrownBy } from '../support/thrown-by.ts';

const database = useTestDatabase();

const app = pgSchema('app');
const files = app.table('files', { id: uuid().primaryKey() });
const scans = pgTable('scans', { id: bigint({ mode: 'bigint' }).primaryKey() });
const books = pgTable('books', { isbn: text().primaryKey() });
const reports = pgTable('reports', { number: integer().primaryKey() });
const ledgers = [
  defineLedger({ documents: files.id, schema: app }),
  defineLedger({ documents: scans.id, name: 'pages' }),
  defineLedger({ documents: books.isbn, name: 'select' }),
  defineLedger({ documents: reports.number, name: 'pages_colqwen' }),
] as unknown as Ledger<string>[];

beforeAll(async () => {
  const tables = ledgers.flatMap(({ documents, vectors, vectorOrphans }) => [
    documents,
    vectors,
    vectorOrphans,
  ]);
  await createTables(database(), { app, ...tables });
  for (const ledger of ledgers) await installLedger(database(), ledger);
  await execute(database(), 'insert into reports values (1)', 'insert into documents values (1)');
});

/** The names of all relations and functions, in order. */
async function listParts(db: Db): Promise<string[]> {
  const rows = await select<{ name: string }>(
    db,
    `select nspname || '.' || relname as name
     from pg_class join pg_namespace on pg_namespace.oid = relnamespace where nspname in ('public', 'app')
     union all
     select nspname || '.' || proname || '()'
     from pg_proc join pg_namespace on pg_namespace.oid = pronamespace where nspname in ('public', 'app')
     order by 1`,
  );
  return rows.map(({ name }) => name);
}

test('drops a ledger and nothing else, counts what is lost, and does no harm if it runs again', async () => {
  const all = await listParts(database());
  for (const ledger of ledgers) {
    await inRolledBackTransaction(database(), async (tx) => {
      expect(await uninstallLedger(tx, ledger)).toEqual({ pages: 0, orphans: 0 });
      const left = new Set(await listParts(tx));
      const dropped = all.filter((name) => !left.has(name));
      const schema = ledger.name === 'vectors' ? 'app' : 'public';
      const prefix = ledger.name === 'vectors' ? 'vector(s|_orphans|_patches)' : ledger.name;
      for (const name of dropped) expect(name).toMatch(new RegExp(`^${schema}.(ix_)?${prefix}`));
      // Three relations with two sequences and eight indexes, and the functions.
      expect(dropped).toHaveLength(13 + (ledger.keyType === 'integer' ? 15 : 14));
      for (const other of ledgers) {
        const drift = await ledgerDrift(tx, { ledger: other });
        expect(drift.length === 0).toBe(other !== ledger);
      }
      expect(await ledgerDrift(tx)).toEqual([]);
      expect(await uninstallLedger(tx, ledger)).toEqual({ pages: 0, orphans: 0 });
    });
  }
});

test('counts the pages and orphans that it drops', async () => {
  const ledger = ledgers[3] as unknown as Ledger;
  await inRolledBackTransaction(database(), async (tx) => {
    const repository = createVectorRepository(tx, { ledger });
    await repository.upsertPages([
      { docId: 1, page: 1, vectorIds: ['a'] },
      { docId: 1, page: 2, vectorIds: ['b'] },
    ]);
    await repository.deleteByPage(1, 1);
    expect(await uninstallLedger(tx, ledger)).toEqual({ pages: 1, orphans: 1 });
    expect(await select(tx, 'select number from reports')).toEqual([{ number: 1 }]);
  });
});

test('drops nothing if a table of the host refers to the pages', async () => {
  const ledger = ledgers[1] as Ledger<string>;
  await inRolledBackTransaction(database(), async (tx) => {
    await execute(tx, 'create table notes (page_id integer references pages (id))');
    const error = await thrownBy(uninstallLedger(tx, ledger));
    expect(error).toMatchObject({ name: 'MigrationError' });
    expect(await ledgerDrift(tx, { ledger })).toEqual([]);
  });
});

test('the statements can be run as a migration, and the ledger can be created again', async () => {
  const ledger = ledgers[0] as Ledger<string>;
  await inRolledBackTransaction(database(), async (tx) => {
    await execute(tx, ...uninstallLedgerSql(ledger));
    expect(await select(tx, "select to_regclass('app.vectors') as name")).toEqual([{ name: null }]);
    await createTables(tx, { vectors: ledger.vectors, vectorOrphans: ledger.vectorOrphans });
    await installLedger(tx, ledger);
    expect(await ledgerDrift(tx, { ledger })).toEqual([]);
  });
});
