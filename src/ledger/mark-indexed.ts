import { isNull, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { type DocumentId, type DocumentKey, docIdAsJson } from '../document-id.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { requireInteger } from '../require.ts';
import type { VectorTables } from '../tables.ts';
import { queueOrphans } from './orphans.ts';
import { byKey, checkNamespace, keyOf, keysAsJson, type PageKey, requirePageKeys } from './page.ts';
import { docIdType, isOneOf, recordingColumns } from './read-pages.ts';
import type { RecordedPage } from './write-pages.ts';

/** Checks recordings of pages. @throws {InvalidInputError} */
export function requireRecordedPages(
  pages: unknown,
  key: DocumentKey,
): asserts pages is readonly RecordedPage<DocumentId>[] {
  requirePageKeys(pages, ['pages'], key);
  pages.forEach((page, position) => {
    const { vectorIds, namespace, id, revision } = page as Partial<RecordedPage<DocumentId>>;
    checkVectorIds(vectorIds, ['pages', position, 'vectorIds']);
    checkNamespace(namespace, ['pages', position, 'namespace']);
    requireInteger(id, ['pages', position, 'id'], { min: 0, max: Number.MAX_SAFE_INTEGER });
    requireInteger(revision, ['pages', position, 'revision'], { min: 0 });
  });
}

/**
 * Marks recordings as indexed, and queues the ids of those that were deleted or replaced since.
 *
 * @returns How many pages this call marked. A page that was marked before does not count.
 */
export async function markPagesIndexed(
  db: Db,
  tables: VectorTables,
  pages: readonly RecordedPage<DocumentId>[],
): Promise<number> {
  return db.transaction(async (tx) => {
    const marked = await markPending(tx, tables, pages);
    const unmarked = pages.filter((page) => !marked.has(recordingOf(page)));
    if (unmarked.length > 0) await queueReplaced(tx, tables, unmarked);
    return marked.size;
  });
}

/**
 * Marks the pending pages that are still these recordings. Whoever changes the ids of a page changes its revision, so
 * the ids need not be read and compared.
 *
 * @returns Which recordings, as `recordingOf` names them.
 */
async function markPending(
  tx: Db,
  tables: VectorTables,
  pages: readonly RecordedPage<DocumentId>[],
): Promise<Set<string>> {
  const { vectors } = tables;
  // Calls that record pages sort them in the same way, so two writers of the same pages rarely deadlock.
  const recordings = pages.toSorted(byKey).map(({ docId, page, id, revision }) => ({
    doc_id: docIdAsJson(docId),
    page,
    id,
    revision,
  }));
  const marked = await tx
    .update(vectors)
    .set({ indexedAt: sql`now()` })
    .from(sql`jsonb_to_recordset(${JSON.stringify(recordings)}::text::jsonb)
      as given (doc_id ${docIdType(tables)}, page integer, id bigint, revision integer)`)
    .where(sql`${vectors.docId} = given.doc_id and ${vectors.page} = given.page and ${vectors.id} = given.id
      and ${vectors.revision} = given.revision and ${isNull(vectors.indexedAt)}`)
    .returning(recordingColumns(tables));
  return new Set(marked.map(recordingOf));
}

/** A recording as one string, for sets. The key of the page is not enough: a caller may give two recordings of it. */
function recordingOf(page: PageKey<DocumentId> & { id: number; revision: number }): string {
  return `${page.id}/${page.revision}/${keyOf(page)}`;
}

/**
 * Queues the ids of recordings whose page was deleted or recorded again since: their vectors may have been written,
 * and perhaps no page has them. Takes no lock: if a session replaces a recording after this, its trigger queues
 * the ids.
 */
export async function queueReplaced(
  tx: Db,
  tables: VectorTables,
  pages: readonly RecordedPage<DocumentId>[],
): Promise<void> {
  const rows = await tx
    .select(recordingColumns(tables))
    .from(tables.vectors)
    .where(isOneOf(tables, keysAsJson(pages)));
  const current = new Set(rows.map(recordingOf));
  const replaced = pages.filter((page) => !current.has(recordingOf(page)));
  const queued = replaced.map(({ docId, page, vectorIds, namespace }) => ({
    docId,
    page,
    vectorIds,
    namespace,
  }));
  await queueOrphans(
    tx,
    tables,
    queued.filter(({ vectorIds }) => vectorIds.length > 0),
  );
}
