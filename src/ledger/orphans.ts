import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { encodeVectorIds } from '../ids/runs.ts';
import type { VectorTables } from '../tables.ts';
import { keyArrays, type PageKey } from './page.ts';

/** Ids of a page to queue for the purge. */
export interface OrphanedIds extends PageKey {
  vectorIds: readonly string[];
}

/** Queues ids for the next purge, as the triggers do when a page loses them. */
export async function queueOrphans(
  db: Db,
  { vectorOrphans }: VectorTables,
  orphans: readonly OrphanedIds[],
): Promise<void> {
  if (orphans.length === 0) return;
  const { docIds, pages } = keyArrays(orphans);
  const lists = orphans.map(({ vectorIds }) => JSON.stringify(encodeVectorIds(vectorIds)));
  await db.execute(sql`
    insert into ${vectorOrphans} (doc_id, page, vector_ids)
    select doc_id, page, vector_ids::jsonb
    from unnest(${sql.param(docIds)}::integer[], ${sql.param(pages)}::integer[], ${sql.param(lists)}::text[])
      as queued (doc_id, page, vector_ids)`);
}
