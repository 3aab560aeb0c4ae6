import { and, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { checkVectorIds, type VectorIdInput } from '../ids/check-vector-ids.ts';
import type { VectorTables } from '../tables.ts';
import { type OrphanedIds, queueOrphans } from './orphans.ts';
import { keyOf, type PageKey, requirePageKeys, sameIds } from './page.ts';
import { isOneOf, selectPages } from './read-pages.ts';

/** A page whose vectors have been written to the vector store. */
export interface WrittenPage extends PageKey {
  /** The ids under which they were written. */
  vectorIds?: readonly VectorIdInput[] | undefined;
}

/**
 * Marks pages as indexed. If a page no longer has the ids that were written, queues those ids instead.
 *
 * @returns How many pages were pending before.
 */
export async function markPagesIndexed(
  db: Db,
  tables: VectorTables,
  pages: readonly WrittenPage[],
): Promise<number> {
  requirePageKeys(pages, ['pages']);
  const written = pages.map(({ docId, page, vectorIds }, position) => ({
    docId,
    page,
    vectorIds: vectorIds && checkVectorIds(vectorIds, ['pages', position, 'vectorIds']),
  }));
  return db.transaction(async (tx) => {
    // The lock keeps the pages unchanged until they are marked. Same order as when pages are recorded.
    const recorded = await selectPages(tx, tables, isOneOf(tables, written)).for('no key update');
    const byKey = new Map(recorded.map((page) => [keyOf(page), page]));

    const toQueue: OrphanedIds[] = [];
    const toMark: PageKey[] = [];
    for (const { docId, page, vectorIds } of written) {
      const current = byKey.get(keyOf({ docId, page }));
      const isCurrent =
        vectorIds === undefined || (current && sameIds(current.vectorIds, vectorIds));
      if (isCurrent) toMark.push({ docId, page });
      else if (vectorIds.length > 0) toQueue.push({ docId, page, vectorIds });
    }
    await queueOrphans(tx, tables, toQueue);
    const marked = await tx
      .update(tables.vectors)
      .set({ indexedAt: sql`now()` })
      .where(and(isNull(tables.vectors.indexedAt), isOneOf(tables, toMark)))
      .returning({ page: tables.vectors.page });
    return marked.length;
  });
}
