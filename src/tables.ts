import { is } from 'drizzle-orm';
import { getTableConfig, getViewConfig, PgTable, PgView } from 'drizzle-orm/pg-core';
import type { Ledger } from './define-ledger.ts';
import { type DocumentId, type KeyType, keyTypes } from './document-id.ts';
import { type InputPath, InvalidInputError } from './errors.ts';
import { requireObject } from './require.ts';
import { documents, vectorOrphans, vectorPatches, vectors } from './schema.ts';

/** The tables that the functions of this package work on: a ledger with document ids of any type. */
export type VectorTables = Ledger<DocumentId>;

/** The package's own tables. */
export const defaultTables = {
  name: 'vectors',
  keyType: 'integer',
  documents,
  documentId: documents.id,
  vectors,
  vectorOrphans,
  vectorPatches,
} as unknown as VectorTables;

/**
 * The tables of a ledger that was given as an option.
 *
 * @param ledger - Already checked with `requireLedger`. {@defaultValue the package's own tables}
 */
export function tablesOf<DocId extends DocumentId>(
  ledger: Ledger<DocId> | undefined,
): VectorTables {
  return (ledger as unknown as VectorTables | undefined) ?? defaultTables;
}

/** @throws {InvalidInputError} */
export function requireLedger(value: unknown, path: InputPath): void {
  requireObject(value, path);
  const { documents, vectors, vectorOrphans, vectorPatches, keyType } =
    value as Partial<VectorTables>;
  for (const [name, table] of Object.entries({
    documents,
    vectors,
    vectorOrphans,
    vectorPatches,
  })) {
    if (is(table, PgTable) || is(table, PgView)) continue;
    throw new InvalidInputError(
      [...path, name],
      'must be a Drizzle table: pass what defineLedger returned',
    );
  }
  if (keyTypes.includes(keyType as KeyType)) return;
  throw new InvalidInputError([...path, 'keyType'], `must be one of ${keyTypes.join(', ')}`);
}

/** The quoted name of a table or view, with its schema if it has one: `"app"."vectors"`. */
export function qualifiedName(table: PgTable | PgView): string {
  const { schema, name } = is(table, PgView) ? getViewConfig(table) : getTableConfig(table);
  return [schema, name]
    .flatMap((part) => part ?? [])
    .map(quote)
    .join('.');
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
