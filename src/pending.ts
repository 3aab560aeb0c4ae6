import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from './database.ts';
import type { VectorTables } from './tables.ts';
import { checkVectorIds, type PageKey, requirePageKeys, type VectorIdInput } from './validate.ts';
import { encodeVectorIds } from './vector-ids.ts';

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
    vectorIds:
      vectorIds &&
      JSON.stringify(encodeVectorIds(checkVectorIds(vectorIds, ['pages', position, 'vectorIds']))),
  }));
  const column = <K extends keyof (typeof written)[number]>(name: K) =>
    sql.param(written.map((page) => page[name] ?? null));
  const given = sql`unnest(
    ${column('docId')}::integer[], ${column('page')}::integer[], ${column('vectorIds')}::text[]
  ) as given (doc_id, page, vector_ids)`;

  const marked = rowsOf(
    await db.execute(sql`
      update ${tables.vectors} as recorded
      set indexed_at = now()
      from (
        -- In the order in which pages are recorded, so that neither waits for the other in a ring.
        select pending.doc_id, pending.page
        from ${tables.vectors} as pending
        join ${given} on given.doc_id = pending.doc_id and given.page = pending.page
        where pending.indexed_at is null
          and (given.vector_ids is null or pending.vector_ids = given.vector_ids::jsonb)
        order by pending.doc_id, pending.page
        for no key update of pending
      ) as written
      where recorded.doc_id = written.doc_id and recorded.page = written.page
      returning recorded.doc_id, recorded.page`),
  );
  const withIds = written.some(({ vectorIds }) => vectorIds !== undefined);
  if (withIds && marked.length < written.length) {
    // A statement of its own: it sees who has taken a page over while the first one waited for its lock.
    await db.execute(sql`
      insert into ${tables.vectorOrphans} (doc_id, page, vector_ids)
      select given.doc_id, given.page, given.vector_ids::jsonb
      from ${given}
      where given.vector_ids <> '[]' and not exists (
        select from ${tables.vectors} as recorded
        where recorded.doc_id = given.doc_id and recorded.page = given.page
          and recorded.vector_ids = given.vector_ids::jsonb
      )`);
  }
  return marked.length;
}
