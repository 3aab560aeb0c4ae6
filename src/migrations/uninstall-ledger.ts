import { sql } from 'drizzle-orm';
import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { toMigrationError } from '../driver-errors.ts';
import { defaultTables, qualifiedName, requireLedger, tablesOf } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import { limitLockWait, namesOf } from './ledger-sql.ts';
import { tableExists } from './vectors-table.ts';

/** How many rows were dropped with a ledger. */
export interface UninstalledLedger {
  pages: number;
  /** Rows of the queue. Their ids are recorded nowhere else. */
  orphans: number;
}

/**
 * Drops a ledger: its view, tables, triggers and functions, as far as they exist. The documents stay. Purge first,
 * because afterwards nothing knows which vectors are in the vector store.
 *
 * @param hostDb - A database or a transaction whose role owns the ledger.
 * @param ledger - What `defineLedger` returned. `rollback({ all: true })` drops the package's own.
 * @throws {MigrationError} An object of yours depends on a table of the ledger. Nothing is dropped.
 * @example
 * const { pages, orphans } = await uninstallLedger(db, ledger);
 */
export async function uninstallLedger<DocId extends DocumentId>(
  hostDb: Db,
  ledger: Ledger<DocId>,
): Promise<UninstalledLedger> {
  const db = uniform(hostDb);
  const statements = uninstallLedgerSql(ledger);
  const { name, vectors, vectorOrphans } = tablesOf(ledger);
  try {
    return await db.transaction(async (tx) => {
      const [pages, orphans] = [await countRows(tx, vectors), await countRows(tx, vectorOrphans)];
      for (const statement of statements) await tx.execute(sql.raw(statement));
      return { pages, orphans };
    });
  } catch (error) {
    throw toMigrationError(error, `Uninstalling the ledger ${name}`, undefined);
  }
}

/**
 * Returns the statements of `uninstallLedger`, for a migration of yours. Run them in this order.
 *
 * @throws {InvalidInputError}
 */
export function uninstallLedgerSql<DocId extends DocumentId>(ledger: Ledger<DocId>): string[] {
  requireLedger(ledger, ['ledger']);
  const { name, vectors, vectorOrphans, vectorPatches } = tablesOf(ledger);
  return [
    limitLockWait,
    `drop view if exists ${qualifiedName(vectorPatches)}`,
    `drop table if exists ${qualifiedName(vectors)}`,
    `drop table if exists ${qualifiedName(vectorOrphans)}`,
    dropFunctionsSql(getTableConfig(vectors).schema, name),
  ];
}

/** Drops the functions of a ledger, with the triggers and checks that use them. */
export function dropFunctionsSql(schema: string | undefined, name: string): string {
  const functions = namesOf('function', { ...defaultTables, name });
  const inSchema =
    schema === undefined ? 'current_schema()' : `'${schema.replaceAll("'", "''")}'::name`;
  return `do $do$
declare
  found text;
begin
  for found in
    select pg_proc.oid::regprocedure::text
    from pg_proc join pg_namespace on pg_namespace.oid = pronamespace
    where nspname = ${inSchema} and prokind = 'f' and proname in (
      ${functions.map((one) => `'${one}'`).join(',\n      ')}
    )
  loop
    execute 'drop function if exists ' || found || ' cascade';
  end loop;
end $do$`;
}

/** Counts the rows, and locks the table so that the number stays true. 0 if there is no table. */
async function countRows(tx: Db, table: PgTable): Promise<number> {
  if (!(await tableExists(tx, table))) return 0;
  await tx.execute(sql.raw(limitLockWait));
  await tx.execute(sql`lock table ${table} in access exclusive mode`);
  return tx.$count(table);
}
