import { and, asc, isNull, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import type { DocumentId, DocumentKey } from '../document-id.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { requireInteger } from '../require.ts';
import type { VectorTables } from '../tables.ts';
import { type OrphanedIds, queueOrphans } from './orphans.ts';
import { checkNamespace, keyOf, keysAsJson, type PageKey, requirePageKeys } from './page.ts';
import { isOneOf, recordingColumns } from './read-pages.ts';
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
    requireInteger(id, ['pages', position, 'id'], { min: 0 });
    requireInteger(revision, ['pages', position, 'revision'], { min: 0 });
  });
}

/**
 * Marks recordings as indexed, and queues the ids of those that were deleted or replaced since.
 *
 * @returns How many pages were pending before.
 */
export async function markPagesIndexed(
  db: Db,
  tables: VectorTables,
  pages: readonly RecordedPage<DocumentId>[],
): Promise<number> {
  return db.transaction(async (tx) => {
    const toMark = await queueReplaced(tx, tables, pages);
    const marked = await tx
      .update(tables.vectors)
      .set({ indexedAt: sql`now()` })
      .where(and(isNull(tables.vectors.indexedAt), isOneOf(tables, keysAsJson(toMark))))
      .returning({ page: tables.vectors.page });
    return marked.length;
  });
}

/**
 * Queues the ids of recordings whose page was deleted or recorded again since: their vectors may have been written,
 * and perhaps no page has them.
 *
 * @returns The other pages, locked until the end of the transaction.
 */
export async function queueReplaced(
  tx: Db,
  tables: VectorTables,
  pages: readonly RecordedPage<DocumentId>[],
): Promise<PageKey<DocumentId>[]> {
  const { vectors } = tables;
  // The lock keeps the pages unchanged until they are marked. Recording locks pages in the same order.
  const rows = await tx
    .select(recordingColumns(tables))
    .from(vectors)
    .where(isOneOf(tables, keysAsJson(pages)))
    .orderBy(lockOrder(tables), asc(vectors.page))
    .for('no key update');
  const byKey = new Map(rows.map((row) => [keyOf(row), row]));

  const replaced: OrphanedIds[] = [];
  const current: PageKey<DocumentId>[] = [];
  for (const recorded of pages) {
    const { docId, page, id, revision } = recorded;
    const row = byKey.get(keyOf({ docId, page }));
    // Every change of the ids changes the revision, so the ids need not be read and compared.
    if (row?.id === id && row.revision === revision) {
      current.push({ docId, page });
    } else if (recorded.vectorIds.length > 0) {
      const { vectorIds, namespace } = recorded;
      replaced.push({ docId, page, vectorIds, namespace });
    }
  }
  await queueOrphans(tx, tables, replaced);
  return current;
}

/** Orders documents as `compareDocIds` does. The collation of a database may sort texts by another rule. */
function lockOrder({ vectors, keyType }: VectorTables): SQL {
  return keyType === 'text' ? sql`${vectors.docId} collate "C"` : asc(vectors.docId);
}
