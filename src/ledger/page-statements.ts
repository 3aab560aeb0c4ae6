import { createHash } from 'node:crypto';
import { and, asc, between, eq, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import type { StoredElement, StoredVectorId } from '../ids/runs.ts';
import { once } from '../once.ts';
import type { VectorTables } from '../tables.ts';
import { holdingOneOf, isOneOf, selectPages } from './read-pages.ts';

/** The statements that read pages. */
export type PageStatements = ReturnType<typeof createPageStatements>;

/**
 * Those that look pages up by their keys are built at their first use and kept.
 *
 * @param prepare - Let PostgreSQL parse each of them once a connection. Building and parsing the
 *   statement takes longer than the lookup itself.
 */
export function createPageStatements(db: Db, tables: VectorTables, prepare: boolean) {
  const { vectors } = tables;
  const docId = sql.placeholder('docId');
  const keys = { docIds: sql.placeholder('docIds'), pages: sql.placeholder('pages') };
  const stored = { docId: vectors.docId, page: vectors.page, stored: storedIds(tables) };

  function statement<Prepared>(query: {
    toSQL(): { sql: string };
    prepare(name: string): Prepared;
  }): Prepared {
    // By its text: node-postgres refuses one name for two. Without a name it is not prepared.
    const name = `colpali_vectors_${hash(query.toSQL().sql)}`;
    return query.prepare(prepare ? name : (undefined as unknown as string));
  }

  return {
    byDocument: once(() => statement(selectPages(db, tables, eq(vectors.docId, docId)))),
    byPage: once(() =>
      statement(
        selectPages(
          db,
          tables,
          and(eq(vectors.docId, docId), eq(vectors.page, sql.placeholder('page'))),
        ),
      ),
    ),
    byPageRange: once(() =>
      statement(
        selectPages(
          db,
          tables,
          and(
            eq(vectors.docId, docId),
            between(vectors.page, sql.placeholder('first'), sql.placeholder('last')),
          ),
        ),
      ),
    ),
    byKeys: once(() => statement(selectPages(db, tables, isOneOf(tables, keys)))),
    storedByKeys: once(() =>
      statement(db.select(stored).from(vectors).where(isOneOf(tables, keys)).$dynamic()),
    ),
    /** Pages that the index finds by stored elements, with those by which it does; by document and page. */
    storedWithElements: once(() => statement(selectStoredWithElements(db, tables))),
  };
}

function selectStoredWithElements(db: Db, tables: VectorTables) {
  const { vectors } = tables;
  return (
    db
      .select({
        docId: vectors.docId,
        page: vectors.page,
        stored: storedIds(tables),
        elements: sql<StoredElement[]>`found.elements`,
      })
      // Each page once, however many of the elements it holds: it may be 40 KB.
      .from(
        sql`(
          select doc_id, page, jsonb_agg(element) as elements
          from ${holdingOneOf(tables, sql.placeholder('elements'))} as holding
          group by doc_id, page
        ) as found`,
      )
      .innerJoin(
        vectors,
        and(eq(vectors.docId, sql`found.doc_id`), eq(vectors.page, sql`found.page`)),
      )
      .orderBy(asc(vectors.docId), asc(vectors.page))
      .$dynamic()
  );
}

/** `vector_ids` not decoded: to find an id among runs takes no list of them all. */
function storedIds({ vectors }: VectorTables): SQL<StoredVectorId[]> {
  return sql<StoredVectorId[]>`${vectors.vectorIds}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
