/** Records pages: one, an array, or a stream. */

import { getTableName, sql } from 'drizzle-orm';
import { batchesOf } from '../batches.ts';
import { readCallback, runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import { type DocumentId, type DocumentKey, docIdAsJson } from '../document-id.ts';
import type { InputPath } from '../errors.ts';
import { once } from '../once.ts';
import { createPause } from '../pause.ts';
import { requireBoolean, requireFunction, requireOptions, requireSignal } from '../require.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { isTransaction } from '../uniform-db.ts';
import { encodeGivenIds, listGivenIds } from './encode-given-ids.ts';
import { explainMissingDocument } from './missing-documents.ts';
import { requireOwnPatchIds } from './own-patch-ids.ts';
import {
  byKey,
  type CheckedPage,
  checkPage,
  keyOf,
  keysAsJson,
  type NewPageVectors,
  type PageKey,
  requirePageKey,
} from './page.ts';
import { docIdType, isOneOf, recordingColumns } from './read-pages.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import { SeenPages } from './seen-pages.ts';

/** How a page is recorded. */
export interface RecordOptions {
  /**
   * Records the pages as pending, before their vectors are written to the vector store: `indexedAt`
   * stays null until `markIndexed`, and `findPending` finds the pages after a crash.
   * {@defaultValue false}
   */
  pending?: boolean | undefined;
}

/** How pages are recorded. */
export interface UpsertOptions extends RecordOptions {
  /**
   * Called after each statement with the number of pages that this call has sent so far. The pages of a
   * stream are recorded at that point; the pages of an array are recorded when the call returns.
   */
  onProgress?: ((pages: number) => void) | undefined;
  /** Stops the call between two statements. It rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
}

/** @throws {InvalidInputError} */
export function requireUpsertOptions(options: unknown): asserts options is UpsertOptions {
  requireOptions(options, {
    pending: requireBoolean,
    onProgress: requireFunction,
    signal: requireSignal,
  });
}

/** One recording of a page. Recording the page again gives it a new revision. */
export interface RecordedPage<DocId extends DocumentId = number> extends PageKey<DocId> {
  /** The page's ids, in patch order. */
  vectorIds: readonly string[];
  /** The page's namespace in the vector store. If `markIndexed` queues the ids, it queues them with this namespace. */
  namespace?: string | null | undefined;
  /** `id` of the page's row. */
  id: number;
  /** `revision` of the page's row. */
  revision: number;
}

/** Where pages are written. */
export interface WriteTarget {
  db: Db;
  tables: VectorTables;
  /**
   * Checks that the ledger's triggers work. Called after the arguments are checked, before the first write.
   *
   * @returns Whether the ledger is distributed with Citus.
   */
  requireTriggers(): Promise<boolean>;
}

/** A page and its path in the arguments. */
export interface GivenPage {
  page: NewPageVectors<DocumentId>;
  path: InputPath;
}

/** A page as it is sent. */
interface EncodedPage extends PageKey<DocumentId> {
  checked: CheckedPage<DocumentId>;
  /** The row to insert, as a JSON object. */
  row: string;
  path: InputPath;
}

/** A statement is sent when it has this many pages, or this many characters. */
const chunkLimits = {
  maxItems: 500,
  maxSize: 4_000_000,
  sizeOf: ({ row }: EncodedPage) => row.length,
};

/** Records one page in one statement. */
export async function writePage(
  target: WriteTarget,
  page: NewPageVectors<DocumentId>,
  options: RecordOptions,
): Promise<RecordedPage<DocumentId>[]> {
  return writeChunk(
    target,
    [encodePage({ page, path: ['page'] }, options, target.tables)],
    options,
  );
}

/** Records all pages of an array or none of them. Returns their recordings if they are pending. */
export async function writeArray(
  target: WriteTarget,
  pages: readonly NewPageVectors<DocumentId>[],
  options: UpsertOptions,
): Promise<RecordedPage<DocumentId>[]> {
  const seen = new SeenPages();
  // Array.from, because map would skip the holes of a sparse array.
  const given = Array.from(pages, (page, position) =>
    checkedOnce(page, position, seen, target.tables),
  );
  return writeGiven(target, given, options);
}

/** Records all given pages or none of them. Returns their recordings, in the order given, if they are pending. */
export async function writeGiven(
  target: WriteTarget,
  given: readonly GivenPage[],
  options: UpsertOptions,
): Promise<RecordedPage<DocumentId>[]> {
  // Two writers of the same pages lock them in the same order, so one waits and neither deadlocks.
  const sorted = given.toSorted((a, b) => byKey(a.page, b.page));
  const documents = sorted.map(({ page, path }) => ({ docId: page.docId, path }));
  const { db, tables } = target;
  // The first chunk is encoded before anything is sent, so that invalid pages are found first.
  let chunks: AsyncGenerator<EncodedPage[]> | undefined = await startEncoding(
    sorted,
    options,
    tables,
  );
  await runCallback(() => options.signal?.throwIfAborted());
  const isDistributed = await target.requireTriggers();
  let recorded = new Map<string, RecordedPage<DocumentId>>();
  const writeChunks = () =>
    db.transaction(async (tx) => {
      recorded = new Map();
      let sent = 0;
      const encoded = chunks ?? (await startEncoding(sorted, options, tables));
      chunks = undefined;
      for await (const chunk of encoded) {
        await runCallback(() => options.signal?.throwIfAborted());
        for (const page of await insertChunk(tx, tables, chunk, { ...options, isDistributed })) {
          recorded.set(keyOf(page), page);
        }
        sent += chunk.length;
        await runCallback(() => options.onProgress?.(sent));
      }
    });
  await explainMissingDocument(db, tables, documents, () => retryDeadlocks(db, writeChunks));
  return given.flatMap(({ page }) => recorded.get(keyOf(page)) ?? []);
}

/** Records the pages of a stream in chunks, each of them whole or not at all. Returns how many were given. */
export async function writeStream(
  target: WriteTarget,
  pages: Iterable<NewPageVectors<DocumentId>> | AsyncIterable<NewPageVectors<DocumentId>>,
  options: UpsertOptions,
): Promise<number> {
  await runCallback(() => options.signal?.throwIfAborted());
  let sent = 0;
  const chunks = chunksOf(checkStream(pages, target.tables), options, target.tables);
  // No read-ahead inside a transaction. The caller's stream may run statements in it, and they and our chunk could land
  // in each other's savepoint and roll back together.
  for await (const chunk of isTransaction(target.db) ? chunks : encodeAhead(chunks)) {
    await runCallback(() => options.signal?.throwIfAborted());
    // The option `pending` is not passed on. With it, `writeChunk` would read the recordings, and nobody receives them
    // here. Each encoded row says whether its page is pending.
    await writeChunk(target, chunk.sort(byKey), {});
    sent += chunk.length;
    await runCallback(() => options.onProgress?.(sent));
  }
  return sent;
}

/** Checks the keys of a stream of pages, and that no page is given twice. */
export async function* checkStream(
  pages: Iterable<NewPageVectors<DocumentId>> | AsyncIterable<NewPageVectors<DocumentId>>,
  key: DocumentKey,
): AsyncGenerator<GivenPage> {
  const seen = new SeenPages();
  let position = 0;
  for await (const page of readCallback(() => pages, ['pages'])) {
    yield checkedOnce(page, position, seen, key);
    position += 1;
  }
}

function checkedOnce(
  page: NewPageVectors<DocumentId>,
  position: number,
  seen: SeenPages,
  key: DocumentKey,
): GivenPage {
  const path = ['pages', position];
  requirePageKey(page, path, key);
  seen.add(page, path);
  return { page, path };
}

function chunksOf(
  pages: Iterable<GivenPage> | AsyncIterable<GivenPage>,
  options: RecordOptions,
  key: DocumentKey,
): AsyncGenerator<EncodedPage[]> {
  return batchesOf(encodePages(pages, options, key), chunkLimits);
}

/** Encodes pages, and lets the rest of the process run in between. */
async function* encodePages(
  pages: Iterable<GivenPage> | AsyncIterable<GivenPage>,
  options: RecordOptions,
  key: DocumentKey,
): AsyncGenerator<EncodedPage> {
  const pause = createPause();
  for await (const page of pages) {
    yield encodePage(page, options, key);
    await pause();
  }
}

/**
 * The same chunks, each encoded while the database records the one before. Encoding takes half as long
 * as recording.
 */
async function* encodeAhead(chunks: AsyncGenerator<EncodedPage[]>): AsyncGenerator<EncodedPage[]> {
  try {
    let next = chunks.next();
    for (let chunk = await next; !chunk.done; chunk = await next) {
      next = chunks.next();
      // If `next` fails, the loop throws the error when it awaits `next`. The empty `catch` keeps Node from reporting the
      // error as unhandled before that.
      next.catch(() => {});
      yield chunk.value;
    }
  } finally {
    // Not awaited, because it waits for the next page of the stream, and would hold back the error that ended the loop.
    chunks.return(undefined).catch(() => {});
  }
}

/** Encodes the first chunk at once, and each other chunk when it is needed: together they could be gigabytes. */
async function startEncoding(
  pages: readonly GivenPage[],
  options: RecordOptions,
  key: DocumentKey,
): Promise<AsyncGenerator<EncodedPage[]>> {
  const chunks = encodeAhead(chunksOf(pages, options, key));
  const first = await chunks.next();
  async function* encoded(): AsyncGenerator<EncodedPage[]> {
    if (first.done) return;
    yield first.value;
    yield* chunks;
  }
  return encoded();
}

function encodePage(
  { page, path }: GivenPage,
  options: RecordOptions,
  key: DocumentKey,
): EncodedPage {
  const checked = checkPage<DocumentId>(page, path, options.pending, key);
  const { docId, page: number, grid, namespace, pending } = checked;
  return {
    docId,
    page: number,
    checked,
    row: JSON.stringify({
      doc_id: docIdAsJson(docId),
      page: number,
      vector_ids: encodeGivenIds(checked, key),
      grid,
      namespace,
      pending,
    }),
    path,
  };
}

/** Records a chunk in one statement. If it fails inside a host's transaction, the transaction stays usable. */
async function writeChunk(
  { db, tables, requireTriggers }: WriteTarget,
  chunk: readonly EncodedPage[],
  options: RecordOptions,
): Promise<RecordedPage<DocumentId>[]> {
  const isDistributed = await requireTriggers();
  let recorded: RecordedPage<DocumentId>[] = [];
  const insert = (on: Db) => insertChunk(on, tables, chunk, { ...options, isDistributed });
  const write = async () => {
    // In the host's transaction, this makes a savepoint. With `pending`, the transaction keeps other sessions from
    // recording a page again before its recording is read.
    recorded =
      isTransaction(db) || options.pending ? await db.transaction(insert) : await insert(db);
  };
  await explainMissingDocument(db, tables, chunk, () => retryDeadlocks(db, write));
  return recorded;
}

async function insertChunk(
  db: Db,
  tables: VectorTables,
  chunk: readonly EncodedPage[],
  { pending = false, isDistributed }: RecordOptions & { isDistributed: boolean },
): Promise<RecordedPage<DocumentId>[]> {
  const { vectors } = tables;
  if (isDistributed) requireOwnPatchIds(tables, chunk);
  // One JSON parameter for all rows. The drivers need longer to write arrays of text than PostgreSQL
  // needs to read this, and a list of values is limited to 65,534 parameters.
  const rows = `[${chunk.map(({ row }) => row).join()}]`;
  // A page that exists keeps its id, so that recording it again does not use up a value of the sequence. If another
  // session deletes the page before our insert, the new row gets the old id. After `truncate ... restart identity`, new
  // rows get old ids too. So a new row begins at a random revision: it must not pass for the old recording. `offset 0`
  // makes PostgreSQL look pages up one by one, in order. The condition at the end skips unchanged pages.
  const existing = sql`
    left join lateral (
      select id from ${vectors} as page
      where page.doc_id = given.doc_id and page.page = given.page
      offset 0
    ) as existing on true`;
  await db.execute(sql`
    insert into ${vectors} as recorded
      (id, doc_id, page, vector_ids, grid, namespace, recorded_at, indexed_at, revision)
    overriding system value
    select coalesce(existing.id, nextval(${idSequence(tables)})), given.doc_id, given.page, given.vector_ids,
      given.grid, given.namespace, clock_timestamp(), case when given.pending then null else now() end,
      1 + floor(random() * 1000000000)::integer
    from jsonb_to_recordset(${rows}::text::jsonb)
      as given (
        doc_id ${docIdType(tables)}, page integer, vector_ids jsonb, grid jsonb, namespace text, pending boolean
      )
    ${isDistributed ? noneExists : existing}
    on conflict (doc_id, page) do update
    set vector_ids = excluded.vector_ids, grid = excluded.grid, namespace = excluded.namespace,
      indexed_at = excluded.indexed_at, recorded_at = excluded.recorded_at, revision = recorded.revision + 1
    where (recorded.vector_ids, recorded.grid, recorded.namespace, recorded.indexed_at is null)
      is distinct from
      (excluded.vector_ids, excluded.grid, excluded.namespace, excluded.indexed_at is null)`);
  return pending ? readRecordings(db, tables, chunk) : [];
}

/**
 * On Citus, the insert does not look up the row ids of recorded pages, because Citus cannot join these with the given
 * ones here. So each recording of a page uses up a value of the sequence. Row ids are bigints on Citus, so the values do
 * not run out.
 */
const noneExists = sql`cross join (select null::bigint as id) as existing`;

/** The sequence of `vectors.id`, looked up once per statement. */
function idSequence({ vectors }: VectorTables) {
  return sql`(select coalesce(
    pg_get_serial_sequence(${qualifiedName(vectors)}::text, 'id'),
    ${`${getTableName(vectors)}_id_seq`}::text)::regclass)`;
}

/** The recordings of the pages. A page that was deleted since has revision 0, which no row has. */
async function readRecordings(
  db: Db,
  tables: VectorTables,
  chunk: readonly EncodedPage[],
): Promise<RecordedPage<DocumentId>[]> {
  const { vectors } = tables;
  const rows = await db
    .select(recordingColumns(tables))
    .from(vectors)
    .where(isOneOf(tables, keysAsJson(chunk)));
  const byPage = new Map(rows.map((row) => [keyOf(row), row]));
  return chunk.map(({ docId, page, checked }) => {
    const { id = 0, revision = 0 } = byPage.get(keyOf({ docId, page })) ?? {};
    const vectorIds = once(() => listGivenIds(checked, tables));
    return {
      docId,
      page,
      // Listed only when the caller reads them, because many callers make the ids themselves.
      get vectorIds() {
        return vectorIds();
      },
      namespace: checked.namespace,
      id,
      revision,
    };
  });
}
