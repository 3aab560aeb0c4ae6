/** The statements that read pages. */
import { createHash } from 'node:crypto';
import {
  and,
  asc,
  between,
  eq,
  getTableColumns,
  or,
  type Placeholder,
  type SQL,
  type SQLWrapper,
  sql,
} from 'drizzle-orm';
import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { sqlStates, withLedgerErrors } from '../driver-errors.ts';
import { DatabaseError } from '../errors.ts';
import { decodeVectorIds } from '../ids/codec.ts';
import { once } from '../once.ts';
import { createPause } from '../pause.ts';
import type { PageVectors, PatchGrid } from '../schema.ts';
import type { VectorTables } from '../tables.ts';
import { byKey } from './page.ts';

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

  /** A function that runs the statement with the given values. */
  const statement = <Name extends string, Row>(
    names: readonly Name[],
    build: (values: Values<Name>) => Preparable<Row>,
  ): ((values: Record<Name, unknown>) => Promise<Row[]>) => {
    if (!prepare) return (values) => build(values as Values<Name>).execute();
    const prepared = once(() => {
      const placeholders = names.map((name) => [name, sql.placeholder(name)] as const);
      const query = build(Object.fromEntries(placeholders) as unknown as Values<Name>);
      // The name has a hash of the text, because node-postgres rejects one name for two texts.
      return query.prepare(`colpali_vectors_${hash(query.toSQL().sql)}`);
    });
    return (values) => prepared().execute(values);
  };

  const pages = <Name extends string>(
    names: readonly Name[],
    build: (values: Values<Name>) => Preparable<UndecodedPage>,
  ) => {
    const select = statement(names, build);
    return async (values: Record<Name, unknown>) => {
      const encoded = await select(values);
      return decodePages(encoded.toSorted(byKey));
    };
  };

  return {
    tables,
    byDocument: pages(['docId'], ({ docId }) => selectPages(db, tables, eq(vectors.docId, docId))),
    byPage: pages(['docId', 'page'], ({ docId, page }) =>
      selectPages(db, tables, and(eq(vectors.docId, docId), eq(vectors.page, page))),
    ),
    byPageRange: pages(['docId', 'first', 'last'], ({ docId, first, last }) =>
      selectPages(db, tables, and(eq(vectors.docId, docId), between(vectors.page, first, last))),
    ),
    byKeys: pages(['keys'], ({ keys }) => selectPages(db, tables, isOneOf(tables, keys))),
    storedByKeys: statement(['keys'], ({ keys }) => selectStoredByKeys(db, tables, keys)),
    storedByIndexKeys: statement(['indexKeys'], ({ indexKeys }) =>
      selectStoredByIndexKeys(db, tables, indexKeys),
    ),
  };
}

/** The values of a statement: placeholders if it is prepared. */
type Values<Name extends string> = Record<Name, Placeholder>;

interface Preparable<Row> {
  toSQL(): { sql: string };
  prepare(name: string): { execute(values: Record<string, unknown>): Promise<Row[]> };
  execute(): Promise<Row[]>;
}

/**
 * Selects the recorded pages that meet `condition`. Decode them with `decodePages`.
 *
 * The query does not sort them. PostgreSQL would sort them together with their ids, which takes as long as reading them.
 * It would sort a long document on disk.
 */
export function selectPages(db: Db, tables: VectorTables, condition: SQL | undefined) {
  const { vectors } = tables;
  return db.select(pageColumns(tables)).from(vectors).where(condition).$dynamic();
}

/** The order of pages: by document and page. */
export function inOrder({ vectors }: VectorTables): [SQL, SQL] {
  return [asc(vectors.docId), asc(vectors.page)];
}

/** A page as `selectPages` returns it: its ids are JSON text. */
type UndecodedPage = Omit<PageVectors<DocumentId>, 'vectorIds'> & { vectorIds: string };

/** Decodes the ids of pages one page at a time. Drizzle would decode all of them without a pause. */
export async function decodePages(
  encoded: readonly UndecodedPage[],
): Promise<PageVectors<DocumentId>[]> {
  const pause = createPause();
  const pages: PageVectors<DocumentId>[] = [];
  for (const page of encoded) {
    pages.push({ ...page, vectorIds: decodeVectorIds(JSON.parse(page.vectorIds)) });
    await pause();
  }
  return pages;
}

/**
 * The columns of a page. JSON is selected as text and times as numbers, because hosts may change how their driver
 * parses JSON and how their server prints times.
 */
function pageColumns({ vectors }: VectorTables) {
  return {
    ...getTableColumns(vectors),
    id: rowId(vectors),
    vectorIds: sql<string>`${vectors.vectorIds}::text`,
    grid: asJson(vectors.grid, (grid: PatchGrid) => grid) as SQL<PatchGrid | null>,
    recordedAt: asDate(vectors.recordedAt),
    indexedAt: asDate(vectors.indexedAt) as SQL<Date | null>,
  };
}

/** The id of a row. In a distributed ledger it is a bigint, which drivers return as text. */
function rowId(vectors: VectorTables['vectors']): SQL<number> {
  return sql<number>`${vectors.id}`.mapWith((value: number | string) => {
    const id = Number(value);
    if (Number.isSafeInteger(id)) return id;
    const message =
      `The page's row id ${value} is above 2^53, as Citus assigns on nodes with the number 32 or higher. ` +
      'Record pages through a node with a lower number.';
    throw new DatabaseError(sqlStates.outOfRange, message);
  });
}

function asJson<Json, Value>(column: SQLWrapper, read: (json: Json) => Value): SQL<Value> {
  return sql<Value>`${column}::text`.mapWith((text: string) => read(JSON.parse(text)));
}

function asDate(column: SQLWrapper): SQL<Date> {
  return sql<Date>`(extract(epoch from ${column}) * 1000)::double precision`.mapWith(
    (milliseconds: unknown) => new Date(Number(milliseconds)),
  );
}

/** Reads the pages that meet `condition`, by document and page, with one query per `batchSize` pages. */
export async function* streamPages(
  db: Db,
  tables: VectorTables,
  condition: SQL | undefined,
  batchSize: number,
  signal?: AbortSignal,
): AsyncGenerator<PageVectors<DocumentId>> {
  const { vectors } = tables;
  let last: PageVectors<DocumentId> | undefined;
  do {
    const afterLast =
      last && sql`(${vectors.docId}, ${vectors.page}) > (${last.docId}, ${last.page})`;
    signal?.throwIfAborted();
    const batch = await withLedgerErrors(async () =>
      decodePages(
        await selectPages(db, tables, and(condition, afterLast))
          .orderBy(...inOrder(tables))
          .limit(batchSize),
      ),
    );
    yield* batch;
    last = batch.length < batchSize ? undefined : batch.at(-1);
  } while (last !== undefined);
}

/** Selects the pages with these keys. Their ids stay encoded, see `storedPage`. */
export function selectStoredByKeys(db: Db, tables: VectorTables, keys: string | Placeholder) {
  const { vectors } = tables;
  return db.select(storedPage(tables)).from(vectors).where(isOneOf(tables, keys)).$dynamic();
}

/**
 * Selects the pages that may have one of the ids that are looked up, through the index on `vector_ids`. Returns each page once, with the keys
 * that found it. The index does not contain pages that have only their own patch ids, because such ids name their page.
 *
 * The pages are not sorted, as in `selectPages`.
 *
 * @param indexKeys - The keys of `indexKeysOf` as a JSON array.
 */
export function selectStoredByIndexKeys(
  db: Db,
  tables: VectorTables,
  indexKeys: string | Placeholder,
) {
  const { vectors } = tables;
  return (
    db
      .select({ ...storedPage(tables), keys: sql<string>`found.keys::text` })
      // Grouped, so that a page with many of the ids is sent only once: it can be 40 KB.
      .from(
        sql`(
          select doc_id, page, jsonb_agg(key) as keys
          from ${ledgerFunction(tables, 'holding')}(${indexKeys}::text::jsonb) as holding
          group by doc_id, page
        ) as found`,
      )
      .innerJoin(
        vectors,
        and(eq(vectors.docId, sql`found.doc_id`), eq(vectors.page, sql`found.page`)),
      )
      .$dynamic()
  );
}

/**
 * Selects pages of one document, to look for ids in them: the pages whose number is in `pages`, and those that have one
 * of `keys` in the index. On Citus, this asks only the node that has the document.
 *
 * @param pages - The page numbers that the ids name.
 * @param keys - The keys of `indexKeysOf`.
 */
export function selectStoredInDocument(
  db: Db,
  tables: VectorTables,
  docId: DocumentId,
  { pages, keys }: { pages: readonly number[]; keys: readonly string[] },
) {
  const { vectors } = tables;
  const listed = (values: readonly unknown[]) =>
    sql`jsonb_array_elements_text(${JSON.stringify(values)}::text::jsonb)`;
  const hasKey = sql`${ledgerFunction(tables, 'index_keys')}(${vectors.vectorIds})
    && array(select ${ledgerFunction(tables, 'index_key')}(value) from ${listed(keys)})`;
  const isIndexed = sql`not ${ledgerFunction(tables, 'has_own_ids')}(
    ${vectors.docId}, ${vectors.page}, ${vectors.vectorIds})`;
  const isListed = sql`${vectors.page} in (select value::integer from ${listed(pages)})`;
  return db
    .select(storedPage(tables))
    .from(vectors)
    .where(and(eq(vectors.docId, docId), or(isListed, and(isIndexed, hasKey))))
    .$dynamic();
}

/**
 * A page with its ids as stored. They are not decoded, because an id can be found without decoding. They are JSON text,
 * which the caller parses, because Drizzle would parse all rows without a pause.
 */
function storedPage({ vectors }: VectorTables) {
  return {
    docId: vectors.docId,
    page: vectors.page,
    stored: sql<string>`${vectors.vectorIds}::text`,
    grid: sql<string | null>`${vectors.grid}::text`,
  };
}

/** The columns that identify a page and its recording. */
export function recordingColumns({ vectors }: VectorTables) {
  return {
    docId: vectors.docId,
    page: vectors.page,
    id: rowId(vectors),
    revision: vectors.revision,
  };
}

/**
 * The condition that a row of `vectors` is one of the pages.
 *
 * @param keys - `keysAsJson` of the pages, or a placeholder for it.
 */
export function isOneOf(tables: VectorTables, keys: string | Placeholder): SQL {
  const { vectors } = tables;
  return sql`(${vectors.docId}, ${vectors.page}) in (
    select doc_id, page
    from jsonb_to_recordset(${keys}::text::jsonb) as key (doc_id ${docIdType(tables)}, page integer)
  )`;
}

/**
 * The name of one of the ledger's functions, in the schema of its tables.
 *
 * @param suffix - The name without that of the ledger: `holding` for `vectors_holding`.
 */
export function ledgerFunction({ name, vectors }: VectorTables, suffix: string): SQL {
  const { schema } = getTableConfig(vectors);
  const prefix = schema === undefined ? sql`` : sql`${sql.identifier(schema)}.`;
  return sql`${prefix}${sql.identifier(`${name}_${suffix}`)}`;
}

/** The PostgreSQL type of the ledger's `doc_id`, for casts. */
export function docIdType(tables: VectorTables): SQL {
  return sql.raw(tables.keyType);
}

/** A `doc_id` that a raw statement selected as text, since drivers differ in how they return a bigint. */
export function readDocId({ vectors }: VectorTables, docId: string): DocumentId {
  return vectors.docId.mapFromDriverValue(docId) as DocumentId;
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
