import type { Db } from './db.ts';
import type { Ledger } from './define-ledger.ts';
import type { DocumentId } from './document-id.ts';
import type { OnEvent } from './events.ts';
import type { VectorIdInput } from './ids/check-vector-ids.ts';
import type { GivenVectorIds } from './ledger/given-ids.ts';
import type { IngestOptions, WriteVectors } from './ledger/ingest.ts';
import type { VectorLocation } from './ledger/locate.ts';
import type { NewPageVectors, PageDetails, PageKey } from './ledger/page.ts';
import type { ResolvedHits } from './ledger/resolve-hits.ts';
import type { RecordedPage, RecordOptions, UpsertOptions } from './ledger/write-pages.ts';
import type { Box } from './page/boxes.ts';
import type { Hit } from './page/hits.ts';
import { createQueries } from './repository-queries.ts';
import { requireBoolean, requireFunction, requireOptions } from './require.ts';
import type { PageVectors } from './schema.ts';
import { requireLedger, tablesOf } from './tables.ts';
import { uniform } from './uniform-db.ts';

/** A page to record for `replaceDocument`. `docId` may be omitted, because the call names the document. */
export type DocumentPage<DocId extends DocumentId = number> = Pick<PageKey, 'page'> &
  GivenVectorIds &
  PageDetails & { docId?: DocId };

/**
 * Typed queries on the ledger.
 *
 * Pages count from 1, patches from 0. A page's ids are always `string[]`, in patch order.
 *
 * Invalid document ids and page numbers (0, -1, 1.5, NaN, 2^31) throw an `InvalidInputError` before
 * anything is sent; its path names the argument. Any call can also throw a `DatabaseUnavailableError`, a
 * `DatabaseError`, or a `MigrationError` if the tables are missing.
 */
export interface VectorRepository<DocId extends DocumentId = number> {
  /**
   * Finds all pages of a document, ordered by page. Returns an empty array for an unknown document.
   *
   * @example
   * const pages = await repository.findByDocument(7);
   * const vectorIds = pages.flatMap((page) => page.vectorIds);
   */
  findByDocument(docId: DocId): Promise<PageVectors<DocId>[]>;

  /**
   * Finds one page. Returns undefined if it is not recorded.
   *
   * @example
   * const page = await repository.findByPage(7, 3);
   * console.log(page?.vectorIds);
   */
  findByPage(docId: DocId, page: number): Promise<PageVectors<DocId> | undefined>;

  /** Finds the recorded pages from `first` to `last`, both included, ordered by page. */
  findByPageRange(docId: DocId, first: number, last: number): Promise<PageVectors<DocId>[]>;

  /**
   * Finds pages of any documents in one round trip. Returns them in the order of `keys`, with undefined for
   * a page that is not recorded.
   */
  findByPages(keys: readonly PageKey<DocId>[]): Promise<(PageVectors<DocId> | undefined)[]>;

  /**
   * Streams every page, or every page of a document, ordered by document and page. Memory use stays flat.
   *
   * Each batch is a separate query, so a page that is written during the stream appears if it comes after
   * the last one read. For one point in time, create the repository on a repeatable read transaction.
   *
   * @param options.batchSize - How many pages one query reads. {@defaultValue 100}
   * @param options.signal - Stops the stream before its next query. It then throws the signal's reason.
   */
  streamPages(options?: {
    docId?: DocId | undefined;
    batchSize?: number | undefined;
    signal?: AbortSignal | undefined;
  }): AsyncIterable<PageVectors<DocId>>;

  /** Counts the recorded pages of a document. */
  countPages(docId: DocId): Promise<number>;

  /**
   * Finds the document, the page and the patch of each id, in the order given. Returns undefined for an id
   * that no page has.
   *
   * Finds a UUID in all its spellings: with and without dashes, in lower and upper case. If several pages have an id,
   * returns the first of them, by document and page. For a patch id, returns the page that it names, if that page
   * has it.
   *
   * @param options.signal - Stops the call before its next 10,000 ids. It rejects with the signal's reason.
   * @example
   * const [location] = await repository.locate([hit.id]);
   * if (location) console.log(`page ${location.page}, patch ${location.patch}`);
   */
  locate(
    vectorIds: readonly VectorIdInput[],
    options?: { signal?: AbortSignal | undefined },
  ): Promise<(VectorLocation<DocId> | undefined)[]>;

  /**
   * Finds the pages of hits and ranks them by MaxSim over the hits, as `rankPages` of `colpali-vectors/page` does.
   * Each hit gets its patch and its box on the page. If a page has one id for all of its vectors, the hit's `offset`
   * says which of them was found.
   *
   * @param hits - As `hitsFrom` of `colpali-vectors/page` returns them: ids and scores, higher is better.
   * @returns The best page first, and the ids that no page has.
   * @example
   * const { pages } = await repository.resolveHits(hitsFrom.qdrant(response));
   * for (const { docId, page, hits } of pages) console.log(docId, page, hits[0]?.box);
   */
  resolveHits(hits: readonly Hit[]): Promise<ResolvedHits<DocId>>;

  /**
   * Finds the ids of the patches that overlap a box of a page, in patch order, for example to search in this part of
   * the page only. If the page has one id for all of its vectors, returns that id.
   *
   * @param box - In the unit of the page: 0 is its left or upper edge and 1 its right or lower edge.
   * @returns Undefined if the page is not recorded or has no grid. Empty if the box lies outside the page.
   * @example
   * const lowerHalf = { x0: 0, y0: 0.5, x1: 1, y1: 1 };
   * const ids = await repository.findVectorIdsInBox(7, 3, lowerHalf);
   */
  findVectorIdsInBox(docId: DocId, page: number, box: Box): Promise<string[] | undefined>;

  /**
   * Inserts or replaces a page. Its previous ids are queued as orphans; the purge spares those still in use.
   * A page that is already recorded with the same values stays unchanged.
   *
   * @returns The recording, for `markIndexed`, if the page is recorded as pending.
   * @throws {DocumentNotFoundError} The page's document is not in `documents`.
   * @example
   * await repository.upsertPage({ docId: 7, page: 3, vectorIds: ['a', 'b'] });
   */
  upsertPage(page: NewPageVectors<DocId>, options: { pending: true }): Promise<RecordedPage<DocId>>;
  upsertPage(page: NewPageVectors<DocId>, options?: RecordOptions): Promise<void>;

  /**
   * Inserts or replaces pages of any documents, each as `upsertPage` does.
   *
   * An array is recorded whole or not at all; do not change it or its pages until the call returns. Any other
   * iterable is a stream: it may have any length and is recorded in chunks of 500 pages or 4 MB. If it fails,
   * the chunks reported to `onProgress` stay recorded. Outside a transaction, the next chunk is read while
   * one is recorded.
   *
   * @returns How many pages were given. For an array that is recorded as pending, the recordings, in its order.
   * @throws {InvalidInputError} A page is not valid or is given twice.
   * @throws {DocumentNotFoundError} The document of one of the pages is not in `documents`.
   * @example
   * await repository.upsertPages([
   *   { docId: 7, page: 1, patches: 1030 },
   *   { docId: 7, page: 2, vectorIds: ['a', 'b'], grid: { cols: 2, rows: 1, start: 0 } },
   * ]);
   */
  upsertPages(
    pages: readonly NewPageVectors<DocId>[],
    options: UpsertOptions & { pending: true },
  ): Promise<RecordedPage<DocId>[]>;
  upsertPages(
    pages:
      | readonly NewPageVectors<DocId>[]
      | Iterable<NewPageVectors<DocId>>
      | AsyncIterable<NewPageVectors<DocId>>,
    options?: UpsertOptions,
  ): Promise<number>;

  /**
   * Ingests pages: records them as pending, calls `writeVectors`, and marks them as indexed, in chunks. If
   * any step fails, no vector is lost: pages that were not marked stay pending, and `findPending` returns them.
   *
   * A page that is ingested again keeps its old vectors until its new ones are marked.
   *
   * @param pages - An array or a stream of any length.
   * @param writeVectors - Writes the vectors of a chunk of pages to the vector store.
   * @returns How many pages were marked. Pages that were deleted or recorded again during the ingest are not.
   * @throws {IngestError} `writeVectors` failed. The error names the pages that stay pending.
   * @throws {InvalidInputError} The repository belongs to a transaction.
   * @example
   * await repository.ingest(pages, async (recorded) => {
   *   const points = recorded.flatMap(({ docId, page, vectorIds }) => pointsOf(docId, page, vectorIds));
   *   await qdrant.upsert('patches', { wait: true, points });
   * });
   */
  ingest(
    pages: Iterable<NewPageVectors<DocId>> | AsyncIterable<NewPageVectors<DocId>>,
    writeVectors: WriteVectors<DocId>,
    options?: IngestOptions,
  ): Promise<number>;

  /**
   * Replaces all pages of a document with these, atomically. The previous ids are queued as orphans.
   *
   * Locks the document's row until the end of the transaction, so calls for the same document run one after
   * another. Other writers, such as `upsertPage`, do not wait for this lock and can still insert pages of the document.
   *
   * @param pages - `docId` can be omitted; the id of another document is rejected.
   * @returns How many pages the document now has. If the pages are recorded as pending, their recordings instead.
   * @throws {DocumentNotFoundError} The document is not in `documents`.
   */
  replaceDocument(
    docId: DocId,
    pages: readonly DocumentPage<DocId>[],
    options: UpsertOptions & { pending: true },
  ): Promise<RecordedPage<DocId>[]>;
  replaceDocument(
    docId: DocId,
    pages: readonly DocumentPage<DocId>[],
    options?: UpsertOptions,
  ): Promise<number>;

  /** Deletes all pages of a document, but not the document. Queues their ids. Returns how many pages it deleted. */
  deleteByDocument(docId: DocId): Promise<number>;

  /** Deletes a page and queues its ids. Returns whether the page was recorded. */
  deleteByPage(docId: DocId, page: number): Promise<boolean>;

  /**
   * Marks pages as indexed: their vectors have been written to the vector store.
   *
   * Pass what `upsertPages` or `findPending` returned. A page that was deleted or recorded again since is not marked.
   * The ids that you pass for it are queued instead: their vectors were written, and perhaps no page has them.
   *
   * @returns How many pages this call marked. A page that was marked before does not count.
   * @example
   * const recorded = await repository.upsertPages(pages, { pending: true });
   * await writeToStore(recorded);
   * await repository.markIndexed(recorded);
   */
  markIndexed(pages: readonly RecordedPage<DocId>[]): Promise<number>;

  /**
   * Finds pages that were recorded as pending and are not marked as indexed, ordered by document and page.
   * After a crash, the vectors of these pages have to be written again.
   *
   * @param options.olderThanMs - Only pages that were recorded at least this long ago, in milliseconds. A worker may
   *   still be ingesting newer pages. {@defaultValue 0}
   * @param options.limit - The most pages to return. {@defaultValue all}
   * @example
   * const pages = await repository.findPending({ olderThanMs: 3_600_000 });
   * await writeToStore(pages);
   * await repository.markIndexed(pages);
   */
  findPending(options?: {
    docId?: DocId | undefined;
    limit?: number | undefined;
    olderThanMs?: number | undefined;
  }): Promise<PageVectors<DocId>[]>;
}

/** How a repository uses the database. */
export interface RepositoryOptions<DocId extends DocumentId = number> {
  /** What `defineLedger` returned. {@defaultValue the package's own tables} */
  ledger?: Ledger<DocId> | undefined;
  /**
   * Prepares the statements that read, so that each connection parses them only once. Turn it off behind a
   * pooler in transaction mode that does not support prepared statements (PgBouncer before 1.21).
   * {@defaultValue true}
   */
  prepare?: boolean | undefined;
  /** Receives `ingested` or `rejected` for each chunk of an ingest. */
  onEvent?: OnEvent | undefined;
}

/**
 * Creates the repository: typed queries on a database or a transaction.
 *
 * @param hostDb - A Drizzle PostgreSQL database (postgres.js, node-postgres, PGlite) or one of its transactions,
 *   with any schema. A write that fails inside a transaction leaves the transaction usable.
 * @example
 * const repository = createVectorRepository(db);
 * await repository.upsertPage({ docId: 7, page: 3, vectorIds: ['a', 'b'] });
 */
export function createVectorRepository<DocId extends DocumentId = number>(
  hostDb: Db,
  options: RepositoryOptions<DocId> = {},
): VectorRepository<DocId> {
  const db = uniform(hostDb);
  requireOptions(options, {
    ledger: requireLedger,
    prepare: requireBoolean,
    onEvent: requireFunction,
  });
  // The type of the queries allows document ids of any ledger. Each query checks that a document id has the type that
  // this ledger uses.
  const queries = createQueries(db, tablesOf(options.ledger), options);
  return queries as unknown as VectorRepository<DocId>;
}
