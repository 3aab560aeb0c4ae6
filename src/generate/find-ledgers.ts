import { getTableColumns, is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { ledgerOfTable } from '../define-ledger.ts';
import { InvalidInputError } from '../errors.ts';
import { defaultTables, qualifiedName, requireLedger, type VectorTables } from '../tables.ts';

/**
 * Finds the ledgers that modules export: what `defineLedger` returned, one of its tables, or the package's own tables.
 *
 * The modules may have another copy of this package, so nothing is compared by identity.
 */
export function findLedgers(modules: readonly Record<string, unknown>[]): VectorTables[] {
  const ledgers = modules.flatMap((module) =>
    Object.values(module).flatMap((value) => ledgerOf(value) ?? []),
  );
  return [...new Map(ledgers.map((ledger) => [qualifiedName(ledger.vectors), ledger])).values()];
}

/** The ledger that an exported value is or belongs to. */
export function ledgerOf(value: unknown): VectorTables | undefined {
  if (is(value, PgTable)) return ledgerOfTable(value) ?? defaultLedgerOf(value);
  try {
    requireLedger(value, []);
    return value as unknown as VectorTables;
  } catch (error) {
    if (error instanceof InvalidInputError) return undefined;
    throw error;
  }
}

/** The package's own tables are not defined with `defineLedger`. */
function defaultLedgerOf(table: PgTable): VectorTables | undefined {
  const { name, schema } = getTableConfig(table);
  const isOwn = name === 'vectors' && schema === undefined && 'revision' in getTableColumns(table);
  return isOwn ? defaultTables : undefined;
}
