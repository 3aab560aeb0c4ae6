import { sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { toMigrationError } from '../driver-errors.ts';
import { MigrationError } from '../errors.ts';
import { qualifiedName, requireLedger, tablesOf } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import { sqlOf } from './ledger-sql.ts';
import { tableExists } from './vectors-table.ts';

/**
 * Creates the functions, checks, triggers, the index and the view of a ledger whose tables your own migration created,
 * in one transaction. Run it after each migration that creates such tables, and after each update of this package.
 * Running it again does no harm.
 *
 * @param hostDb - A database or a transaction whose role owns the tables.
 * @param ledger - What `defineLedger` returned. {@defaultValue the package's own tables, which `migrate` creates}
 * @throws {MigrationError} The tables do not exist, have other columns, or contain rows that the checks reject.
 * @example
 * await migrate(db, { migrationsFolder: 'drizzle' });
 * await installLedger(db, ledger);
 */
export async function installLedger<DocId extends DocumentId>(
  hostDb: Db,
  ledger?: Ledger<DocId>,
): Promise<void> {
  const db = uniform(hostDb);
  if (ledger !== undefined) requireLedger(ledger, ['ledger']);
  const tables = tablesOf(ledger);
  const { vectors, vectorOrphans } = tables;
  try {
    await db.transaction(async (tx) => {
      for (const table of [vectors, vectorOrphans]) await requireTable(tx, table);
      const [timeout = '', ...statements] = sqlOf(tables);
      await tx.execute(sql.raw(timeout));
      // One at a time: PostgreSQL cannot replace a function in two transactions at once.
      await tx.execute(sql`lock table ${vectors} in access exclusive mode`);
      for (const statement of statements) await tx.execute(sql.raw(statement));
    });
  } catch (error) {
    throw toMigrationError(error, `Installing the ledger ${tables.name}`, undefined);
  }
}

/** @throws {MigrationError} The table does not exist. */
async function requireTable(tx: Db, table: PgTable): Promise<void> {
  if (await tableExists(tx, table)) return;
  const hint =
    'Export the tables of the ledger from your Drizzle schema and run your own migration first.';
  throw new MigrationError(`There is no table ${qualifiedName(table)}.\nHint: ${hint}`, { hint });
}
