import { and, asc, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../errors.ts';
import type { PageKey } from '../require.ts';
import type { PageVectors } from '../schema.ts';
import type { VectorTables } from '../tables.ts';

/** The recorded pages that meet `condition`, by document and page. */
export function selectPages(db: Db, { vectors }: VectorTables, condition: SQL | undefined) {
  return db
    .select()
    .from(vectors)
    .where(condition)
    .orderBy(asc(vectors.docId), asc(vectors.page))
    .$dynamic();
}

/** The recorded pages that meet `condition`, by document and page, a query for every `batchSize` of them. */
export async function* streamPages(
  db: Db,
  tables: VectorTables,
  condition: SQL | undefined,
  batchSize: number,
): AsyncGenerator<PageVectors> {
  const { vectors } = tables;
  let last: PageVectors | undefined;
  do {
    const behindLast =
      last && sql`(${vectors.docId}, ${vectors.page}) > (${last.docId}, ${last.page})`;
    const batch = await withLedgerErrors(async () =>
      selectPages(db, tables, and(condition, behindLast)).limit(batchSize),
    );
    yield* batch;
    last = batch.length < batchSize ? undefined : batch.at(-1);
  } while (last !== undefined);
}

/**
 * The condition that a row of `vectors` is one of the pages named.
 *
 * Two array parameters, however many pages: a list of values ends at 65 534 parameters.
 *
 * @param keys - The pages, or placeholders for their documents and numbers.
 */
export function isOneOf(
  { vectors }: VectorTables,
  keys: readonly PageKey[] | { docIds: Placeholder; pages: Placeholder },
): SQL {
  const { docIds, pages } =
    'docIds' in keys
      ? keys
      : {
          docIds: sql.param(keys.map(({ docId }) => docId)),
          pages: sql.param(keys.map(({ page }) => page)),
        };
  return sql`(${vectors.docId}, ${vectors.page}) in (
    select doc_id, page from unnest(${docIds}::integer[], ${pages}::integer[]) as key (doc_id, page)
  )`;
}

/**
 * The function call that finds pages by stored elements through the index on `vector_ids`: rows of
 * `element`, `doc_id` and `page`. A page that is a run of its own computed ids is none of them.
 *
 * @param elements - A JSON array of ids and `{ prefix }`, as text.
 */
export function holdingOneOf({ vectors }: VectorTables, elements: string | Placeholder): SQL {
  // It lies beside the table.
  const { schema } = getTableConfig(vectors);
  const path = schema === undefined ? sql`` : sql`${sql.identifier(schema)}.`;
  return sql`${path}vectors_holding(${elements}::text::jsonb)`;
}

/** A page's key as one string, for maps. */
export function keyOf({ docId, page }: PageKey): string {
  return `${docId}/${page}`;
}
