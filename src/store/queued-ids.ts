import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { decodeVectorIds } from '../ids/codec.ts';
import { canonicalId } from '../ids/spellings.ts';
import type { VectorTables } from '../tables.ts';

/** About how many ids one query reads from the queue. */
const idsPerQuery = 100_000;

/**
 * Returns the ids that are not queued in any spelling. Reads the whole queue, because an index on the
 * queued ids would slow down every delete.
 *
 * The scan goes by row id. A row that is queued while the scan runs gets a larger row id than all others, so the scan
 * reaches it too.
 */
export async function removeQueuedIds(
  db: Db,
  { vectorOrphans }: VectorTables,
  ids: readonly string[],
): Promise<string[]> {
  const idsByForm = new Map<string, string[]>();
  for (const id of ids) {
    const form = canonicalId(id);
    const same = idsByForm.get(form);
    if (same === undefined) idsByForm.set(form, [id]);
    else same.push(id);
  }
  const endings = new Set(ids.map(endingOf));
  for (let last: string | undefined = '0'; last !== undefined && idsByForm.size > 0; ) {
    const rows: { id: string; vector_ids: string }[] = rowsOf(
      await db.execute(sql`
        select id::text as id, vector_ids::text
        from (
          select id, vector_ids, sum(vector_count) over (order by id) - vector_count as before
          from (
            select id, vector_ids, vector_count from ${vectorOrphans}
            where id > ${last}::text::bigint order by id limit 1000
          ) as next
        ) as counted
        where before < ${sql.raw(String(idsPerQuery))}
        order by counted.id`),
    );
    for (const { vector_ids } of rows) {
      for (const id of decodeVectorIds(JSON.parse(vector_ids))) {
        if (endings.has(endingOf(id))) idsByForm.delete(canonicalId(id));
      }
    }
    last = rows.at(-1)?.id;
  }
  return [...idsByForm.values()].flat();
}

/** The end of an id, which all its spellings share. It is several times as fast to compute as the canonical form. */
function endingOf(id: string): string {
  return id.slice(-12).toLowerCase();
}
