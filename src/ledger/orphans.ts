import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { type DocumentId, docIdAsJson } from '../document-id.ts';
import { encodeVectorIds } from '../ids/codec.ts';
import type { VectorTables } from '../tables.ts';
import { docIdType } from './read-pages.ts';

/** Ids to queue for the purge. */
export interface OrphanedIds {
  /** The document and the page that had the ids. Null if they are unknown. */
  docId: DocumentId | null;
  page: number | null;
  vectorIds: readonly string[];
  namespace?: string | null | undefined;
}

/** Queues ids that no page has. The triggers do this when a page loses ids; call it for ids that they cannot see. */
export async function queueOrphans(
  db: Db,
  tables: VectorTables,
  orphans: readonly OrphanedIds[],
): Promise<void> {
  if (orphans.length === 0) return;
  const rows = orphans.map(({ docId, page, vectorIds, namespace }) => ({
    doc_id: docId === null ? null : docIdAsJson(docId),
    page,
    vector_ids: encodeVectorIds(vectorIds),
    vector_count: vectorIds.length,
    namespace,
  }));
  await db.execute(sql`
    insert into ${tables.vectorOrphans} (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from jsonb_to_recordset(${JSON.stringify(rows)}::text::jsonb)
      as queued (
        doc_id ${docIdType(tables)}, page integer, vector_ids jsonb, vector_count integer, namespace text
      )`);
}
