import type { PgDatabase, PgQueryResultHKT } from 'drizzle-orm/pg-core';

/**
 * Any Drizzle PostgreSQL database or transaction: postgres.js, node-postgres, PGlite and others, with
 * any schema.
 */
// biome-ignore lint/suspicious/noExplicitAny: the schema's two type parameters are invariant.
export type Db = PgDatabase<PgQueryResultHKT, any, any>;

/** The rows of a raw statement: postgres.js returns an array, the other drivers return `{ rows }`. */
export function rowsOf<Row>(result: unknown): Row[] {
  return Array.isArray(result) ? result : (result as { rows: Row[] }).rows;
}
