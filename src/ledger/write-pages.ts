/** Records pages: one, an array, or a stream. */
import { setImmediate } from 'node:timers/promises';
import { is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import { batchesOf } from '../batches.ts';
import { readCallback, runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import type { InputPath } from '../errors.ts';
import { encodeGeneratedIds } from '../ids/generated.ts';
import { encodeVectorIds } from '../ids/runs.ts';
import type { VectorTables } from '../tables.ts';
import { explainMissingDocument } from './missing-documents.ts';
import { checkPage, type NewPageVectors, type PageKey, requirePageKey } from './page.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import { SeenPages } from './seen-pages.ts';

/** How pages are recorded. */
export interface UpsertOptions {
  /**
   * Records the pages as pending, before their vectors are written to the vector store: `indexedAt`
   * stays null until `markIndexed`, and `findPending` finds the pages after a crash.
   * {@defaultValue false}
   */
  pending?: boolean | undefined;
  /**
   * Called after each statement with the number of pages that this call has sent so far. The pages of a
   * stream are recorded at that point; the pages of an array are recorded when the call returns.
   */
  onProgress?: ((pages: number) => void) | undefined;
}

/** A page and its path in the arguments. */
interface GivenPage {
  page: NewPageVectors;
  path: InputPath;
}

/** A page as it is sent. */
interface EncodedPage extends PageKey {
  /** The row to insert, as a JSON object. */
  row: string;
  path: InputPath;
}

/** The most pages in one statement, and the number of characters at which it is sent. */
const chunkLimits = {
  maxItems: 500,
  maxSize: 4_000_000,
  sizeOf: ({ row }: EncodedPage) => row.length,
};

/** How long pages are encoded before the rest of the process gets a turn. */
const sliceMs = 1;

/** Records one page in one statement. */
export async function writePage(
  db: Db,
  tables: VectorTables,
  page: NewPageVectors,
  options: UpsertOptions,
): Promise<void> {
  await writeChunk(db, tables, [encodePage({ page, path: ['page'] })], options);
}

/** Records all pages of an array or none of them. Returns how many were given. */
export async function writeArray(
  db: Db,
  tables: VectorTables,
  pages: readonly NewPageVectors[],
  options: UpsertOptions,
): Promise<number> {
  const seen = new SeenPages();
  // Array.from, because map would skip the holes of a sparse array.
  const given = Array.from(pages, (page, position) => checkedOnce(page, position, seen));
  // Two writers of the same pages lock them in the same order, so one waits and neither deadlocks.
  given.sort((a, b) => byKey(a.page, b.page));

  const documents = given.map(({ page, path }) => ({ docId: page.docId, path }));
  const writeChunks = () =>
    db.transaction(async (tx) => {
      let sent = 0;
      // Encoded one chunk at a time: the whole array as text could be gigabytes.
      for await (const chunk of encodeAhead(chunksOf(given))) {
        await insertChunk(tx, tables, chunk, options);
        sent += chunk.length;
        await runCallback(() => options.onProgress?.(sent));
      }
    });
  await explainMissingDocument(db, tables, documents, () => retryDeadlocks(db, writeChunks));
  return given.length;
}

/** Records the pages of a stream in chunks, each of them whole or not at all. Returns how many were given. */
export async function writeStream(
  db: Db,
  tables: VectorTables,
  pages: Iterable<NewPageVectors> | AsyncIterable<NewPageVectors>,
  options: UpsertOptions,
): Promise<number> {
  let sent = 0;
  const chunks = chunksOf(checkStream(pages));
  // No read-ahead inside a transaction: the stream's own work and our chunk could land in each other's
  // savepoint and roll back together.
  for await (const chunk of is(db, PgTransaction) ? chunks : encodeAhead(chunks)) {
    await writeChunk(db, tables, chunk.sort(byKey), options);
    sent += chunk.length;
    await runCallback(() => options.onProgress?.(sent));
  }
  return sent;
}

async function* checkStream(
  pages: Iterable<NewPageVectors> | AsyncIterable<NewPageVectors>,
): AsyncGenerator<GivenPage> {
  const seen = new SeenPages();
  let position = 0;
  for await (const page of readCallback(pages)) {
    yield checkedOnce(page, position, seen);
    position += 1;
  }
}

/** Checks the key of a page and that the page has not been given before. */
function checkedOnce(page: NewPageVectors, position: number, seen: SeenPages): GivenPage {
  const path = ['pages', position];
  requirePageKey(page, path);
  seen.add(page, path);
  return { page, path };
}

function chunksOf(
  pages: Iterable<GivenPage> | AsyncIterable<GivenPage>,
): AsyncGenerator<EncodedPage[]> {
  return batchesOf(encodePages(pages), chunkLimits);
}

/** Encodes pages, and lets the rest of the process run once per slice. */
async function* encodePages(
  pages: Iterable<GivenPage> | AsyncIterable<GivenPage>,
): AsyncGenerator<EncodedPage> {
  let sliceEnd = performance.now() + sliceMs;
  for await (const page of pages) {
    yield encodePage(page);
    if (performance.now() >= sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + sliceMs;
    }
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
      // If it fails, the error is thrown when its turn comes, after the chunk before it.
      next.catch(() => {});
      yield chunk.value;
    }
  } finally {
    // Not awaited: an idle stream would delay the error.
    chunks.return(undefined).catch(() => {});
  }
}

function encodePage({ page, path }: GivenPage): EncodedPage {
  const { docId, page: number, vectorIds, grid } = checkPage(page, path);
  // checkPage copies ids unless they are an unchanged array of generated ids.
  const isGenerated = vectorIds === page.vectorIds;
  const stored = isGenerated ? encodeGeneratedIds(vectorIds) : encodeVectorIds(vectorIds);
  return {
    docId,
    page: number,
    row: JSON.stringify({ doc_id: docId, page: number, vector_ids: stored, grid }),
    path,
  };
}

/** Records a chunk in one statement. If it fails inside a host's transaction, the transaction stays usable. */
async function writeChunk(
  db: Db,
  tables: VectorTables,
  chunk: readonly EncodedPage[],
  options: UpsertOptions,
): Promise<void> {
  const write = () =>
    is(db, PgTransaction)
      ? db.transaction((savepoint) => insertChunk(savepoint, tables, chunk, options))
      : insertChunk(db, tables, chunk, options);
  await explainMissingDocument(db, tables, chunk, () => retryDeadlocks(db, write));
}

async function insertChunk(
  db: Db,
  { vectors }: VectorTables,
  chunk: readonly EncodedPage[],
  { pending = false }: UpsertOptions,
): Promise<void> {
  // One JSON parameter for all rows. The drivers need longer to write arrays of text than PostgreSQL
  // needs to read this, and a list of values is limited to 65,534 parameters.
  const rows = `[${chunk.map(({ row }) => row).join()}]`;
  // The condition at the end skips pages that are already recorded exactly like this.
  await db.execute(sql`
    insert into ${vectors} as recorded (doc_id, page, vector_ids, grid, indexed_at)
    select doc_id, page, vector_ids, grid, ${pending ? sql`null::timestamptz` : sql`now()`}
    from jsonb_to_recordset(${rows}::text::jsonb)
      as given (doc_id integer, page integer, vector_ids jsonb, grid jsonb)
    on conflict (doc_id, page) do update
    set vector_ids = excluded.vector_ids, grid = excluded.grid, indexed_at = excluded.indexed_at
    where (recorded.vector_ids, recorded.grid, recorded.indexed_at is null)
      is distinct from (excluded.vector_ids, excluded.grid, excluded.indexed_at is null)`);
}

function byKey(a: PageKey, b: PageKey): number {
  return a.docId - b.docId || a.page - b.page;
}
