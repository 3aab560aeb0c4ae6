import { and, asc, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from './db.ts';
import { DocumentNotFoundError, InvalidInputError, withLedgerErrors } from './errors.ts';
import { locateVectors, type VectorLocation } from './ledger/locate.ts';
import { markPagesIndexed, type WrittenPage } from './ledger/mark-indexed.ts';
import { createPageStatements } from './ledger/page-statements.ts';
import { keyOf, selectPages, streamPages } from './ledger/read-pages.ts';
import { retryDeadlocks } from './ledger/retry-deadlocks.ts';
import { type UpsertOptions, writeArray, writePage, writeStream } from './ledger/write-pages.ts';
import {
  checkVectorIds,
  type NewPageVectors,
  type PageKey,
  requireArray,
  requireDocId,
  requireInteger,
  requireIterable,
  requirePageKeys,
  requirePageNumber,
  type VectorIdInput,
} from './require.ts';
import type { PageVectors } from './schema.ts';
import { defaultTables, type VectorTables } from './tables.ts';

/** A page of a document that is named elsewhere. */
export type DocumentPage = Omit<NewPageVectors, 'docId'> & { docId?: number };

/**
 * Typed queries on the ledger.
 *
 * Pages count from 1, patches from 0; a page's ids are always `string[]`, in patch order. Whatever is
 * no document id or page number (0, -1, 1.5, NaN, 2^31) throws an `InvalidInputError` that names the
 * argument and the position in it, before anything is sent; any call may also throw a
 * `DatabaseUnavailableError`, a `DatabaseError`, or a `MigrationError` when the tables are not there.
 */
export interface VectorRepository {
  /** All pages of a document, by page; none for a document that is not there. */
  findByDocument(docId: number): Promise<PageVectors[]>;

  /** One page, or undefined where it is not recorded. */
  findByPage(docId: number, page: number): Promise<PageVectors | undefined>;

  /** The recorded pages from `first` to `last`, both included, by page. */
  findByPageRange(docId: number, first: number, last: number): Promise<PageVectors[]>;

  /** The pages named, of any documents, in the order of `keys`; undefined for one not recorded. One round trip. */
  findByPages(keys: readonly PageKey[]): Promise<(PageVectors | undefined)[]>;

  /**
   * Every page, or every page of a document, by document and page, without holding them all in memory.
   *
   * Each batch is a query of its own: a page written meanwhile is seen if it comes after the last one
   * read. Pass a transaction (repeatable read) for one point in time.
   *
   * @param options.batchSize - Pages a query. {@defaultValue 100}
   */
  streamPages(options?: {
    docId?: number | undefined;
    batchSize?: number | undefined;
  }): AsyncIterable<PageVectors>;

  /** How many pages of the document are recorded. */
  countPages(docId: number): Promise<number>;

  /**
   * Where each vector belongs, in the order given; undefined for an id that no page holds.
   *
   * A UUID is found with and without its dashes, in the spelling asked for first. An id that stands on several pages is placed on the
   * first of them by document and page, a computed one on the page that it names.
   */
  locate(vectorIds: readonly VectorIdInput[]): Promise<(VectorLocation | undefined)[]>;

  /**
   * Records a page in place of what was recorded for it. The ids it had are queued as orphans, all of
   * them; the purge spares those that it still has.
   *
   * A page that is recorded exactly so already is left alone.
   *
   * @throws {DocumentNotFoundError} `documents` does not hold the page's document.
   */
  upsertPage(page: NewPageVectors, options?: Pick<UpsertOptions, 'pending'>): Promise<void>;

  /**
   * Records pages of any documents, each as `upsertPage` does.
   *
   * An array is recorded whole or not at all; leave it and its pages as they are until then. A stream (any
   * other iterable) may be of any length and is recorded in chunks (500 pages, or 4 MB of them); where it
   * fails, the chunks before stay, as `onProgress` has told. Outside of a transaction the next chunk is read
   * while one is recorded.
   *
   * @returns How many pages were given.
   * @throws {InvalidInputError} A page comes twice in the call, among others.
   * @throws {DocumentNotFoundError} `documents` does not hold the document of one of the pages.
   */
  upsertPages(
    pages: readonly NewPageVectors[] | Iterable<NewPageVectors> | AsyncIterable<NewPageVectors>,
    options?: UpsertOptions,
  ): Promise<number>;

  /**
   * Makes these the document's pages, and no others; atomic. What they had is queued as orphans.
   *
   * Calls for the same document follow one another: a row lock on the document holds until the end of
   * the transaction. Inserts of its pages by others go on.
   *
   * @param pages - `docId` may be left out; another document's is refused.
   * @returns How many pages the document now has.
   * @throws {DocumentNotFoundError}
   */
  replaceDocument(
    docId: number,
    pages: readonly DocumentPage[],
    options?: UpsertOptions,
  ): Promise<number>;

  /** Deletes all pages of a document and leaves the document; their ids are queued as orphans. Returns how many pages. */
  deleteByDocument(docId: number): Promise<number>;

  /** Deletes a page; its ids are queued as orphans. Returns whether it was recorded. */
  deleteByPage(docId: number, page: number): Promise<boolean>;

  /**
   * Notes that the vectors of these pages have been written to the vector store.
   *
   * Give the pages with the ids that were written, as they were given to `upsertPages`: where a page
   * has been deleted or recorded otherwise meanwhile, it is not marked, and the ids, which nobody would
   * know of any more, are queued as orphans. Without ids a page is marked whatever ids it has.
   *
   * @returns How many pages were pending until now.
   */
  markIndexed(pages: readonly WrittenPage[]): Promise<number>;

  /**
   * Pages that were recorded and not yet marked as indexed, by document and page: after a crash, those
   * whose vectors have to be written again.
   *
   * @param options.limit - At most so many. {@defaultValue all}
   */
  findPending(options?: {
    docId?: number | undefined;
    limit?: number | undefined;
  }): Promise<PageVectors[]>;
}

/** How a repository talks to the database. */
export interface RepositoryOptions {
  /**
   * Prepare the statements that read, so that a connection parses them once. Turn it off behind a pooler
   * in transaction mode that does not know prepared statements (PgBouncer before 1.21).
   * {@defaultValue true}
   */
  prepare?: boolean | undefined;
}

/**
 * The repository on a database or a transaction.
 *
 * @param db - A Drizzle PostgreSQL database (postgres.js, node-postgres, PGlite) or a transaction of
 *   one, with any schema. Inside a transaction a failed write leaves it usable.
 * @param tables - The tables to work on. {@defaultValue the package's own}
 */
export function createVectorRepository(
  db: Db,
  tables: VectorTables = defaultTables,
  { prepare = true }: RepositoryOptions = {},
): VectorRepository {
  const { documents, vectors } = tables;
  const statements = createPageStatements(db, tables, prepare);

  /** Locks a document's pages in the order in which they are recorded. */
  async function lockPagesOf(tx: Db, docId: number): Promise<void> {
    await tx
      .select({ page: vectors.page })
      .from(vectors)
      .where(eq(vectors.docId, docId))
      .orderBy(asc(vectors.page))
      .for('update');
  }

  const queries: Omit<VectorRepository, 'streamPages'> = {
    async findByDocument(docId) {
      requireDocId(docId);
      return statements.byDocument().execute({ docId });
    },

    async findByPage(docId, page) {
      requireDocId(docId);
      requirePageNumber(page);
      const [found] = await statements.byPage().execute({ docId, page });
      return found;
    },

    async findByPageRange(docId, first, last) {
      requireDocId(docId);
      requirePageNumber(first, ['first']);
      requirePageNumber(last, ['last']);
      if (last < first)
        throw new InvalidInputError(['last'], `is ${last}, before first (${first})`);
      return statements.byPageRange().execute({ docId, first, last });
    },

    async findByPages(keys) {
      requirePageKeys(keys);
      const pages = await statements.byKeys().execute({
        docIds: keys.map(({ docId }) => docId),
        pages: keys.map(({ page }) => page),
      });
      const byKey = new Map(pages.map((page) => [keyOf(page), page]));
      return keys.map((key) => byKey.get(keyOf(key)));
    },

    async countPages(docId) {
      requireDocId(docId);
      return db.$count(vectors, eq(vectors.docId, docId));
    },

    async locate(vectorIds) {
      return locateVectors(statements, checkVectorIds(vectorIds));
    },

    async upsertPage(page, options = {}) {
      await writePage(db, tables, page, options);
    },

    async upsertPages(pages, options = {}) {
      requireIterable(pages, ['pages']);
      return Array.isArray(pages)
        ? writeArray(db, tables, pages, options)
        : writeStream(db, tables, pages, options);
    },

    async replaceDocument(docId, pages, options = {}) {
      requireDocId(docId);
      const ownPages = withDocId(docId, pages);
      requirePageKeys(ownPages, ['pages']);
      const numbers = sql.param(ownPages.map(({ page }) => page));
      const replace = async (tx: Db) => {
        const [document] = await tx
          .select({ id: documents.id })
          .from(documents)
          .where(eq(documents.id, docId))
          // Keeps other replacements out, but not the foreign key's own checks.
          .for('no key update');
        if (document === undefined) throw new DocumentNotFoundError(docId, ['docId']);
        await lockPagesOf(tx, docId);
        await tx
          .delete(vectors)
          .where(
            and(eq(vectors.docId, docId), sql`${vectors.page} <> all (${numbers}::integer[])`),
          );
        return writeArray(tx, tables, ownPages, options);
      };
      return retryDeadlocks(db, () => db.transaction(replace));
    },

    async deleteByDocument(docId) {
      requireDocId(docId);
      const deletePages = async (tx: Db) => {
        await lockPagesOf(tx, docId);
        return tx.delete(vectors).where(eq(vectors.docId, docId)).returning({ page: vectors.page });
      };
      const deleted = await retryDeadlocks(db, () => db.transaction(deletePages));
      return deleted.length;
    },

    async deleteByPage(docId, page) {
      requireDocId(docId);
      requirePageNumber(page);
      const deleted = await db
        .delete(vectors)
        .where(and(eq(vectors.docId, docId), eq(vectors.page, page)))
        .returning({ page: vectors.page });
      return deleted.length > 0;
    },

    async markIndexed(pages) {
      return retryDeadlocks(db, () => markPagesIndexed(db, tables, pages));
    },

    async findPending({ docId, limit } = {}) {
      if (docId !== undefined) requireDocId(docId);
      if (limit !== undefined) requireInteger(limit, ['limit'], { min: 1 });
      const pending = selectPages(
        db,
        tables,
        and(isNull(vectors.indexedAt), docId === undefined ? undefined : eq(vectors.docId, docId)),
      );
      return limit === undefined ? pending : pending.limit(limit);
    },
  };

  return {
    ...withLedgerErrorsEverywhere(queries),

    streamPages({ docId, batchSize = 100 } = {}) {
      if (docId !== undefined) requireDocId(docId);
      requireInteger(batchSize, ['batchSize'], { min: 1 });
      const condition = docId === undefined ? undefined : eq(vectors.docId, docId);
      return streamPages(db, tables, condition, batchSize);
    },
  };
}

/** The pages with the document they all belong to. */
function withDocId(docId: number, pages: readonly DocumentPage[]): NewPageVectors[] {
  requireArray(pages, ['pages']);
  return pages.map((page, position) => {
    if (page?.docId !== undefined && page.docId !== docId) {
      throw new InvalidInputError(['pages', position, 'docId'], `must be ${docId} or left out`);
    }
    return { ...page, docId };
  });
}

/** The same functions; what they throw has been through `toLedgerError`. */
function withLedgerErrorsEverywhere<
  Functions extends Record<keyof Functions, (...args: never[]) => Promise<unknown>>,
>(functions: Functions): Functions {
  const entries = Object.entries<(...args: never[]) => Promise<unknown>>(functions);
  return Object.fromEntries(
    entries.map(([name, run]) => [
      name,
      (...args: never[]) => withLedgerErrors(() => run(...args)),
    ]),
  ) as Functions;
}
