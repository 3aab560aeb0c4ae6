import { setImmediate } from 'node:timers/promises';
import { is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import { type Db, rowsOf } from '../db.ts';
import {
  asCaller,
  DocumentNotFoundError,
  type InputPath,
  isForeignKeyViolation,
  itemsOfCaller,
} from '../errors.ts';
import { encodeComputedIds } from '../ids/generated.ts';
import { encodeVectorIds } from '../ids/runs.ts';
import { checkPage, type NewPageVectors, type PageKey, requirePageKey } from '../require.ts';
import type { VectorTables } from '../tables.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import { SeenPages } from './seen-pages.ts';

/** How pages are recorded. */
export interface UpsertOptions {
  /**
   * Record the pages before their vectors are written to the vector store: `indexedAt` stays null
   * until `markIndexed`, and `findPending` finds them after a crash. {@defaultValue false}
   */
  pending?: boolean | undefined;
  /**
   * Called after each statement with the number of pages sent so far by this call. Those of a stream
   * are recorded then, those of an array when the call has returned.
   */
  onProgress?: ((pages: number) => void) | undefined;
}

/** A page and where it stands in what the caller gave. */
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

/** One statement takes so many pages, or so many characters of them, whichever comes first. */
const chunkPages = 500;
const chunkCharacters = 4_000_000;

/** After so long the encoding of pages lets everything else in the process have a turn. */
const sliceMs = 1;

/** Records one page, in one statement. */
export async function writePage(
  db: Db,
  tables: VectorTables,
  page: NewPageVectors,
  options: UpsertOptions,
): Promise<void> {
  await writeChunk(db, tables, [encodePage({ page, path: ['page'] })], options);
}

/** Records all pages of an array, or none. */
export async function writeArray(
  db: Db,
  tables: VectorTables,
  pages: readonly NewPageVectors[],
  options: UpsertOptions,
): Promise<number> {
  const seen = new SeenPages();
  // Array.from: map would pass over the holes of a sparse array.
  const given = Array.from(pages, (page, position): GivenPage => {
    const path = ['pages', position];
    requirePageKey(page, path);
    seen.add(page, path);
    return { page, path };
  });
  // Two writers of the same pages meet in the same order: one waits, neither deadlocks.
  given.sort((a, b) => byKey(a.page, b.page));

  const documents = given.map(({ page, path }) => ({ docId: page.docId, path }));
  await explainMissingDocument(db, tables, documents, () =>
    db.transaction(async (tx) => {
      let sent = 0;
      // Encoded a chunk at a time: the whole array as text could be gigabytes.
      for await (const chunk of ahead(chunksOf(given))) {
        await insertChunk(tx, tables, chunk, options);
        sent += chunk.length;
        await asCaller(() => options.onProgress?.(sent));
      }
    }),
  );
  return given.length;
}

/** Records the pages of a stream in chunks, each of them whole or not at all. */
export async function writeStream(
  db: Db,
  tables: VectorTables,
  pages: Iterable<NewPageVectors> | AsyncIterable<NewPageVectors>,
  options: UpsertOptions,
): Promise<number> {
  let sent = 0;
  const chunks = chunksOf(numbered(pages));
  // Not ahead in a transaction: what the caller's stream does in it meanwhile would stand inside the chunk's
  // savepoint, or the chunk inside one of the stream's, and go when that is rolled back.
  for await (const chunk of is(db, PgTransaction) ? chunks : ahead(chunks)) {
    await writeChunk(db, tables, chunk.sort(byKey), options);
    sent += chunk.length;
    await asCaller(() => options.onProgress?.(sent));
  }
  return sent;
}

/** The pages of a stream with their positions; each may come once. */
async function* numbered(
  pages: Iterable<NewPageVectors> | AsyncIterable<NewPageVectors>,
): AsyncGenerator<GivenPage> {
  const seen = new SeenPages();
  let position = 0;
  for await (const page of itemsOfCaller(pages)) {
    const path = ['pages', position];
    requirePageKey(page, path);
    seen.add(page, path);
    yield { page, path };
    position += 1;
  }
}

async function* chunksOf(
  pages: Iterable<GivenPage> | AsyncIterable<GivenPage>,
): AsyncGenerator<EncodedPage[]> {
  let chunk: EncodedPage[] = [];
  let characters = 0;
  let sliceEnd = performance.now() + sliceMs;
  for await (const page of pages) {
    const encoded = encodePage(page);
    chunk.push(encoded);
    characters += encoded.row.length;
    if (chunk.length >= chunkPages || characters >= chunkCharacters) {
      yield chunk;
      chunk = [];
      characters = 0;
    }
    if (performance.now() >= sliceEnd) {
      await setImmediate();
      sliceEnd = performance.now() + sliceMs;
    }
  }
  if (chunk.length > 0) yield chunk;
}

/**
 * The same chunks, each encoded while the database is busy with the one before: encoding takes half as long
 * as recording does.
 */
async function* ahead(chunks: AsyncGenerator<EncodedPage[]>): AsyncGenerator<EncodedPage[]> {
  try {
    let next = chunks.next();
    for (let chunk = await next; !chunk.done; chunk = await next) {
      next = chunks.next();
      // Where it fails it does so at its turn, after the chunk before it.
      next.catch(() => {});
      yield chunk.value;
    }
  } finally {
    // Not waited for: a stream that has nothing to give for now would hold back why recording failed.
    chunks.return(undefined).catch(() => {});
  }
}

function encodePage({ page, path }: GivenPage): EncodedPage {
  const { docId, page: number, vectorIds, grid } = checkPage(page, path);
  // Checked ids are a copy, but for an array of computed ids that nobody has changed.
  const stored =
    vectorIds === page.vectorIds ? encodeComputedIds(vectorIds) : encodeVectorIds(vectorIds);
  return {
    docId,
    page: number,
    row: JSON.stringify({ doc_id: docId, page: number, vector_ids: stored, grid }),
    path,
  };
}

/** One statement, of its own or inside a host's transaction, which stays usable when it fails. */
async function writeChunk(
  db: Db,
  tables: VectorTables,
  chunk: readonly EncodedPage[],
  options: UpsertOptions,
): Promise<void> {
  await explainMissingDocument(db, tables, chunk, () =>
    is(db, PgTransaction)
      ? db.transaction((savepoint) => insertChunk(savepoint, tables, chunk, options))
      : insertChunk(db, tables, chunk, options),
  );
}

async function insertChunk(
  db: Db,
  { vectors }: VectorTables,
  chunk: readonly EncodedPage[],
  { pending = false }: UpsertOptions,
): Promise<void> {
  // One parameter for all rows: the drivers take longer to write arrays of texts, each quote of each escaped,
  // than PostgreSQL takes to read this, and a list of values ends at 65 534 parameters.
  const rows = `[${chunk.map(({ row }) => row).join()}]`;
  // A page that is there already as given is left as it is: nothing to write, nothing to wait for.
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

/** How often a document may come back between a write that missed it and the question which it was. */
const maxAttempts = 3;

/** Runs `work`; when a foreign key stops it, finds out which document is missing and says so. */
async function explainMissingDocument(
  db: Db,
  tables: VectorTables,
  given: readonly { docId: number; path: InputPath }[],
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await retryDeadlocks(db, work);
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      const missing = await findMissingDocuments(
        db,
        tables,
        given.map(({ docId }) => docId),
      );
      const [culprit] = given
        .filter(({ docId }) => missing.has(docId))
        .sort((a, b) => Number(a.path[1]) - Number(b.path[1]));
      if (culprit) throw new DocumentNotFoundError(culprit.docId, [...culprit.path, 'docId']);
      if (attempt === maxAttempts) throw error;
    }
  }
}

/** Those of the documents that `documents` does not hold. */
export async function findMissingDocuments(
  db: Db,
  { documents }: VectorTables,
  docIds: readonly number[],
): Promise<Set<number>> {
  const missing = await db.execute(sql`
    select given.id
    from unnest(${sql.param([...new Set(docIds)])}::integer[]) as given (id)
    where not exists (select from ${documents} where ${documents.id} = given.id)`);
  return new Set(rowsOf<{ id: number }>(missing).map(({ id }) => id));
}

function byKey(a: PageKey, b: PageKey): number {
  return a.docId - b.docId || a.page - b.page;
}
