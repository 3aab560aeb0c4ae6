import { and, isNull, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { sameIds } from '../ids/runs.ts';
import { checkVectorIds, type PageKey, requirePageKeys, type VectorIdInput } from '../require.ts';
import { queueOrphans } from '../store/purge.ts';
import type { VectorTables } from '../tables.ts';
import { isOneOf, keyOf, selectPages } from './read-pages.ts';

/** A page whose vectors have been written to the vector store. */
export interface WrittenPage extends PageKey {
  /** The ids that were written. */
  vectorIds?: readonly VectorIdInput[] | undefined;
}

/**
 * Marks pages as indexed, and queues as orphans the ids of those that were taken over meanwhile.
 *
 * Returns how many pages were pending until now.
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
    // Locked in the order in which pages are recorded; nobody can take one over before it is marked.
    const recorded = await selectPages(tx, tables, isOneOf(tables, written)).for('no key update');
    const byKey = new Map(recorded.map((page) => [keyOf(page), page]));

    const overtaken: (PageKey & { vectorIds: string[] })[] = [];
    const toMark: PageKey[] = [];
    for (const { docId, page, vectorIds } of written) {
      const now = byKey.get(keyOf({ docId, page }));
      const isSame = vectorIds === undefined || (now && sameIds(now.vectorIds, vectorIds));
      if (isSame) toMark.push({ docId, page });
      else if (vectorIds.length > 0) overtaken.push({ docId, page, vectorIds: [...vectorIds] });
    }
    await queueOrphans(tx, tables, overtaken);
    const marked = await tx
      .update(tables.vectors)
      .set({ indexedAt: sql`now()` })
      .where(and(isNull(tables.vectors.indexedAt), isOneOf(tables, toMark)))
      .returning({ page: tables.vectors.page });
    return marked.length;
  });
}
