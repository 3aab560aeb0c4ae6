/** The queries of `createVectorRepository`: each checks its arguments and calls a function of `ledger/`. */
import { and, eq, isNull, sql } from 'drizzle-orm';
import type { Db } from './db.ts';
import { type DocumentId, requireDocId } from './document-id.ts';
import { withLedgerErrorsEverywhere } from './driver-errors.ts';
import { formatDocId, InvalidInputError } from './errors.ts';
import { checkVectorIds } from './ids/check-vector-ids.ts';
import { deletePage, deletePagesOf } from './ledger/delete-pages.ts';
import { ingestPages } from './ledger/ingest.ts';
import { locateVectors } from './ledger/locate.ts';
import { markPagesIndexed, requireRecordedPages } from './ledger/mark-indexed.ts';
import {
  keyOf,
  keysAsJson,
  type NewPageVectors,
  requirePageKeys,
  requirePageNumber,
} from './ledger/page.ts';
import {
  createPageStatements,
  decodePages,
  inOrder,
  selectPages,
  streamPages,
} from './ledger/read-pages.ts';
import { replacePagesOf } from './ledger/replace-document.ts';
import { requireTriggers } from './ledger/require-triggers.ts';
import { checkHitsOfLedger, resolveHits } from './ledger/resolve-hits.ts';
import { retryDeadlocks } from './ledger/retry-deadlocks.ts';
import { findVectorIdsInBox } from './ledger/vectors-in-box.ts';
import {
  type RecordedPage,
  type RecordOptions,
  requireUpsertOptions,
  type UpsertOptions,
  type WriteTarget,
  writeArray,
  writePage,
  writeStream,
} from './ledger/write-pages.ts';
import { requireBox } from './page/boxes.ts';
import type { DocumentPage, RepositoryOptions, VectorRepository } from './repository.ts';
import {
  type Check,
  integer,
  requireArray,
  requireBoolean,
  requireIterable,
  requireObject,
  requireOptions,
  requireSignal,
} from './require.ts';
import type { VectorTables } from './tables.ts';

type Overloaded = 'upsertPage' | 'upsertPages' | 'replaceDocument';

/** The queries as they are implemented, without overloads. */
interface Queries extends Omit<VectorRepository<DocumentId>, 'streamPages' | Overloaded> {
  upsertPage(
    page: NewPageVectors<DocumentId>,
    options?: RecordOptions,
  ): Promise<RecordedPage<DocumentId> | undefined>;
  upsertPages(
    pages:
      | readonly NewPageVectors<DocumentId>[]
      | Iterable<NewPageVectors<DocumentId>>
      | AsyncIterable<NewPageVectors<DocumentId>>,
    options?: UpsertOptions,
  ): Promise<RecordedPage<DocumentId>[] | number>;
  replaceDocument(
    docId: DocumentId,
    pages: readonly DocumentPage<DocumentId>[],
    options?: UpsertOptions,
  ): Promise<RecordedPage<DocumentId>[] | number>;
}

/** Creates the queries. Each checks its arguments before anything is sent. */
export function createQueries(
  db: Db,
  tables: VectorTables,
  { prepare = true, onEvent }: Omit<RepositoryOptions, 'ledger'>,
): Omit<VectorRepository<DocumentId>, Overloaded> {
  const { vectors } = tables;
  const requireOwnDocId: Check = (value, path) => requireDocId(value, path, tables);
  const statements = createPageStatements(db, tables, prepare);

  let isDistributed: boolean | undefined;
  const target: WriteTarget = {
    db,
    tables,
    async requireTriggers() {
      isDistributed ??= await requireTriggers(db, tables);
      return isDistributed;
    },
  };

  const queries: Queries = {
    async findByDocument(docId) {
      requireDocId(docId, ['docId'], tables);
      return statements.byDocument({ docId });
    },

    async findByPage(docId, page) {
      requireDocId(docId, ['docId'], tables);
      requirePageNumber(page);
      const [found] = await statements.byPage({ docId, page });
      return found;
    },

    async findByPageRange(docId, first, last) {
      requireDocId(docId, ['docId'], tables);
      requirePageNumber(first, ['first']);
      requirePageNumber(last, ['last']);
      if (last < first)
        throw new InvalidInputError(
          ['last'],
          `must not be less than first (${first}), got ${last}`,
        );
      return statements.byPageRange({ docId, first, last });
    },

    async findByPages(keys) {
      requirePageKeys(keys, ['keys'], tables);
      const pages = await statements.byKeys({ keys: keysAsJson(keys) });
      const byKey = new Map(pages.map((page) => [keyOf(page), page]));
      return keys.map((key) => byKey.get(keyOf(key)));
    },

    async countPages(docId) {
      requireDocId(docId, ['docId'], tables);
      return db.$count(vectors, eq(vectors.docId, docId));
    },

    async locate(vectorIds, options = {}) {
      requireOptions(options, { signal: requireSignal });
      return locateVectors(statements, checkVectorIds(vectorIds), options.signal);
    },

    async resolveHits(hits) {
      return resolveHits(statements, checkHitsOfLedger(hits));
    },

    async findVectorIdsInBox(docId, page, box) {
      requireDocId(docId, ['docId'], tables);
      requirePageNumber(page);
      requireBox(box, ['box']);
      return findVectorIdsInBox(statements, { docId, page }, box);
    },

    async upsertPage(page, options = {}) {
      requireOptions(options, { pending: requireBoolean });
      const [recorded] = await writePage(target, page, options);
      return recorded;
    },

    async upsertPages(pages, options = {}) {
      requireIterable(pages, ['pages']);
      requireUpsertOptions(options);
      if (!isArray(pages)) return writeStream(target, pages, options);
      const recorded = await writeArray(target, pages, options);
      return options.pending ? recorded : pages.length;
    },

    async ingest(pages, writeVectors, options = {}) {
      return ingestPages(target, pages, writeVectors, options, onEvent);
    },

    async replaceDocument(docId, pages, options = {}) {
      requireDocId(docId, ['docId'], tables);
      requireUpsertOptions(options);
      const ownPages = withDocId(docId, pages);
      requirePageKeys(ownPages, ['pages'], tables);
      const recorded = await replacePagesOf(target, docId, ownPages, options);
      return options.pending ? recorded : ownPages.length;
    },

    async deleteByDocument(docId) {
      requireDocId(docId, ['docId'], tables);
      await target.requireTriggers();
      return deletePagesOf(db, tables, docId);
    },

    async deleteByPage(docId, page) {
      requireDocId(docId, ['docId'], tables);
      requirePageNumber(page);
      await target.requireTriggers();
      return deletePage(db, tables, docId, page);
    },

    async markIndexed(pages) {
      requireRecordedPages(pages, tables);
      await target.requireTriggers();
      return retryDeadlocks(db, () => markPagesIndexed(db, tables, pages));
    },

    async findPending(options = {}) {
      requireOptions(options, {
        docId: requireOwnDocId,
        limit: integer({ min: 1 }),
        olderThanMs: integer({ min: 0 }),
      });
      const { docId, limit, olderThanMs = 0 } = options;
      const ofDocument = docId === undefined ? undefined : eq(vectors.docId, docId);
      const isOld =
        olderThanMs === 0
          ? undefined
          : sql`${vectors.recordedAt} < clock_timestamp() - ${olderThanMs}::integer * interval '1 millisecond'`;
      const isPending = and(isNull(vectors.indexedAt), ofDocument, isOld);
      const pending = selectPages(db, tables, isPending).orderBy(...inOrder(tables));
      return decodePages(await (limit === undefined ? pending : pending.limit(limit)));
    },
  };

  return {
    ...withLedgerErrorsEverywhere(queries),

    streamPages(options = {}) {
      requireOptions(options, {
        docId: requireOwnDocId,
        batchSize: integer({ min: 1 }),
        signal: requireSignal,
      });
      const { docId, batchSize = 100, signal } = options;
      const ofDocument = docId === undefined ? undefined : eq(vectors.docId, docId);
      return streamPages(db, tables, ofDocument, batchSize, signal);
    },
  };
}

/** Adds the document's id to its pages. */
function withDocId(
  docId: DocumentId,
  pages: readonly DocumentPage<DocumentId>[],
): NewPageVectors<DocumentId>[] {
  requireArray(pages, ['pages']);
  // Array.from, because map would skip the holes of a sparse array.
  return Array.from(pages, (page, position) => {
    requireObject(page, ['pages', position]);
    if (page.docId !== undefined && page.docId !== docId) {
      throw new InvalidInputError(
        ['pages', position, 'docId'],
        `must be ${formatDocId(docId)} or omitted`,
      );
    }
    return { ...page, docId };
  });
}

/** `Array.isArray`, with a type that can be a readonly array. */
function isArray<T>(pages: readonly T[] | Iterable<T> | AsyncIterable<T>): pages is readonly T[] {
  return Array.isArray(pages);
}
