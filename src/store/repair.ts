import { and, type SQL, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { keysAsJson, uniqueKeys } from '../ledger/page.ts';
import { isOneOf } from '../ledger/read-pages.ts';
import { retryDeadlocks } from '../ledger/retry-deadlocks.ts';
import type { VectorTables } from '../tables.ts';
import { findLiveIds } from './live-ids.ts';

/**
 * Makes pages pending that have one of these ids, because a purge may have deleted its vector. Also gives them a new
 * revision, so that an ingest that is under way does not mark them as indexed.
 *
 * @param purged.ids - Ids that were passed to `deleteVectors`.
 * @param purged.owner - As for `findLiveIds`.
 * @param isAtRisk - Which of the pages to make pending.
 * @returns How many pages it made pending.
 */
export async function repairPages(
  db: Db,
  tables: VectorTables,
  { ids, owner }: { ids: readonly string[]; owner: DocumentId | undefined },
  isAtRisk: SQL | undefined,
): Promise<number> {
  if (ids.length === 0) return 0;
  const { vectors } = tables;
  const repair = async () => {
    const live = await findLiveIds(db, tables, ids, owner);
    const pages = uniqueKeys([...live.values()].flat());
    if (pages.length === 0) return 0;
    const repaired = await db
      .update(vectors)
      .set({
        indexedAt: null,
        recordedAt: sql`now()`,
        revision: sql`${vectors.revision} + 1`,
      })
      .where(and(isOneOf(tables, keysAsJson(pages)), isAtRisk))
      .returning({ page: vectors.page });
    return repaired.length;
  };
  return retryDeadlocks(db, repair);
}
