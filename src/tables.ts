import { is } from 'drizzle-orm';
import { getTableConfig, PgTable } from 'drizzle-orm/pg-core';
import { type InputPath, InvalidInputError } from './errors.ts';
import { requireObject } from './require.ts';
import { documents, vectorOrphans, vectors } from './schema.ts';

/** The tables that the functions of this package work on. */
export interface VectorTables {
  documents: typeof documents;
  vectors: typeof vectors;
  vectorOrphans: typeof vectorOrphans;
}

/** The package's own tables. */
export const defaultTables: VectorTables = { documents, vectors, vectorOrphans };

/** @throws {InvalidInputError} */
export function requireTables(value: unknown, path: InputPath): asserts value is VectorTables {
  requireObject(value, path);
  for (const name of Object.keys(defaultTables)) {
    if (is(value[name as keyof typeof value], PgTable)) continue;
    throw new InvalidInputError([...path, name], 'must be a Drizzle table for PostgreSQL');
  }
}

/** The quoted name of a table, with its schema if it has one: `"app"."vectors"`. */
export function qualifiedName(table: PgTable): string {
  const { schema, name } = getTableConfig(table);
  return [schema, name]
    .flatMap((part) => part ?? [])
    .map(quote)
    .join('.');
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
