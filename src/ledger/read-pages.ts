/** The statements that read pages. */
import { createHash } from 'node:crypto';
import { and, asc, between, eq, type Placeholder, type SQL, sql } from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import type { IndexKey } from '../ids/lookup.ts';
import type { StoredVectorId } from '../ids/runs.ts';
import { once } from '../once.ts';
import type { PageVectors } from '../schema.ts';
import type { VectorTables } from '../tables.ts';
import { keyArrays, type PageKey } from './page.ts';

/** The prepared statements that read pages. */
export type PageStatements = ReturnType<typeof createPageStatements>;

/**
 * The statements that read pages by their keys. Each is built when it is first used and then kept,
 * because building and parsing a statement takes longer than the lookup itself.
 *
 * @param prepare - Whether PostgreSQL parses each statement only once per connection.
 */
export function createPageStatements(db: Db, tables: VectorTables, prepare: boolean) {
  const { vectors } = tables;
  const [docId, page, first, last, docIds, pages, indexKeys] = [
    sql.placeholder('docId'),
    sql.placeholder('page'),
    sql.placeholder('first'),
    sql.placeholder('last'),
    sql.placeholder('docIds'),
    sql.placeholder('pages'),
    sql.placeholder('indexKeys'),
  ];
  const ofDocument = eq(vectors.docId, docId);
  const ofKeys = isOneOf(tables, { docIds, pages });

  const statement = <Prepared extends object>(build: () => Preparable<Prepared>) =>
    once(() => {
      const query = build();
      // Named by its text, because node-postgres rejects one name for two texts. No name: not prepared.
      const name = prepare ? `colpali_vectors_${hash(query.toSQL().sql)}` : undefined;
      return query.prepare(name as string);
    });

  return {
    byDocument: statement(() => selectPages(db, tables, ofDocument)),
    byPage: statement(() => selectPages(db, tables, and(ofDocument, eq(vectors.page, page)))),
    byPageRange: statement(() =>
      selectPages(db, tables, and(ofDocument, between(vectors.page, first, last))),
    ),
    byKeys: statement(() => selectPages(db, tables, ofKeys)),
    storedByKeys: statement(() =>
      db.select(storedPage(tables)).from(vectors).where(ofKeys).$dynamic(),
    ),
    storedByIndexKeys: statement(() => selectStoredByIndexKeys(db, tables, indexKeys)),
  };
}

interface Preparable<Prepared> {
  toSQL(): { sql: string };
  prepare(name: string): Prepared;
}

/** Selects the recorded pages that meet `condition`, by document and page. */
export function selectPages(db: Db, { vectors }: VectorTables, condition: SQL | undefined) {
  return db
    .select()
    .from(vectors)
    .where(condition)
    .orderBy(asc(vectors.docId), asc(vectors.page))
    .$dynamic();
}

/** Reads the pages that meet `condition`, by document and page, with one query per `batchSize` pages. */
export async function* streamPages(
  db: Db,
  tables: VectorTables,
  condition: SQL | undefined,
  batchSize: number,
): AsyncGenerator<PageVectors> {
  const { vectors } = tables;
  let last: PageVectors | undefined;
  do {
    const afterLast =
      last && sql`(${vectors.docId}, ${vectors.page}) > (${last.docId}, ${last.page})`;
    const batch = await withLedgerErrors(async () =>
      selectPages(db, tables, and(condition, afterLast)).limit(batchSize),
    );
    yield* batch;
    last = batch.length < batchSize ? undefined : batch.at(-1);
  } while (last !== undefined);
}

/** Selects stored pages by index keys, each page once with the keys that found it, by document and page. */
function selectStoredByIndexKeys(db: Db, tables: VectorTables, indexKeys: Placeholder) {
  const { vectors } = tables;
  return (
    db
      .select({ ...storedPage(tables), keys: sql<IndexKey[]>`found.keys` })
      // Grouped, so that a page is sent once even if many ids are on it: it can be 40 KB.
      .from(
        sql`(
          select doc_id, page, jsonb_agg(element) as keys
          from ${findByIndexKeys(tables, indexKeys)} as holding
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

/** A page with its ids as stored. Finding an id among runs does not require decoding them. */
function storedPage({ vectors }: VectorTables) {
  return {
    docId: vectors.docId,
    page: vectors.page,
    stored: sql<StoredVectorId[]>`${vectors.vectorIds}`,
  };
}

/** The columns that tell one recording of a page from another. */
export function recordingColumns({ vectors }: VectorTables) {
  return {
    docId: vectors.docId,
    page: vectors.page,
    id: vectors.id,
    revision: vectors.revision,
  };
}

/**
 * The condition that a row of `vectors` is one of the pages.
 *
 * @param keys - The pages, or placeholders for `keyArrays` of them.
 */
export function isOneOf(
  { vectors }: VectorTables,
  keys: readonly PageKey[] | { docIds: Placeholder; pages: Placeholder },
): SQL {
  const { docIds, pages } = 'docIds' in keys ? keys : arrayParameters(keys);
  return sql`(${vectors.docId}, ${vectors.page}) in (
    select doc_id, page from unnest(${docIds}::integer[], ${pages}::integer[]) as key (doc_id, page)
  )`;
}

function arrayParameters(keys: readonly PageKey[]) {
  const { docIds, pages } = keyArrays(keys);
  return { docIds: sql.param(docIds), pages: sql.param(pages) };
}

/**
 * The call of `vectors_holding`, which finds pages through the index on `vector_ids`. Its rows have
 * `element`, `doc_id` and `page`. Pages of one run of their own patch ids are not in the index.
 *
 * @param indexKeys - A JSON array of `IndexKey`, as text.
 */
export function findByIndexKeys(tables: VectorTables, indexKeys: string | Placeholder): SQL {
  return sql`${ledgerFunction(tables, 'vectors_holding')}(${indexKeys}::text::jsonb)`;
}

/** The name of one of the ledger's functions, in the schema of its tables. */
export function ledgerFunction({ vectors }: VectorTables, name: string): SQL {
  const { schema } = getTableConfig(vectors);
  return schema === undefined
    ? sql`${sql.identifier(name)}`
    : sql`${sql.identifier(schema)}.${sql.identifier(name)}`;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
