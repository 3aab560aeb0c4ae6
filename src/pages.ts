import { asc, type SQL, sql } from 'drizzle-orm';
import type { Db } from './database.ts';
import type { VectorTables } from './tables.ts';
import type { PageKey } from './validate.ts';

/** The recorded pages that meet `condition`, by document and page. */
export function selectPages(db: Db, { vectors }: VectorTables, condition: SQL | undefined) {
  return db
    .select()
    .from(vectors)
    .where(condition)
    .orderBy(asc(vectors.docId), asc(vectors.page))
    .$dynamic();
}

/**
 * The condition that a row of `vectors` is one of the pages named.
 *
 * Two array parameters, however many pages: a list of values ends at 65 534 parameters.
 */
export function isOneOf({ vectors }: VectorTables, keys: readonly PageKey[]): SQL {
  const docIds = sql.param(keys.map(({ docId }) => docId));
  const pages = sql.param(keys.map(({ page }) => page));
  return sql`(${vectors.docId}, ${vectors.page}) in (
    select doc_id, page from unnest(${docIds}::integer[], ${pages}::integer[]) as key (doc_id, page)
  )`;
}

/** A page's key as one string, for maps. */
export function keyOf({ docId, page }: PageKey): string {
  return `${docId}/${page}`;
}
