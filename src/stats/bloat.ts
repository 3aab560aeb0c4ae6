import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { ifReadable } from './readable.ts';
import { oidsOf, type TableSize } from './relations.ts';

/** The shares of a table's heap that hold no live rows, 0 to 1. */
export interface TableBloat {
  /** Space of dead rows, which a vacuum makes free. */
  deadShare: number;
  /** Free space, which new rows use. Only a rewrite of the table gives it back. */
  freeShare: number;
}

/**
 * Measures each table with the extension pgstattuple.
 *
 * @returns Null if the extension is not installed, or if the role may not use it. Members of `pg_stat_scan_tables` may.
 */
export async function readBloat(
  db: Db,
  tables: readonly TableSize[],
): Promise<Map<string, TableBloat> | null> {
  const [extension] = rowsOf<{ schema: string }>(
    await db.execute(sql`
      select nspname as schema from pg_extension join pg_namespace on pg_namespace.oid = extnamespace
      where extname = 'pgstattuple'`),
  );
  if (extension === undefined) return null;
  const measure = sql`${sql.identifier(extension.schema)}.pgstattuple_approx`;
  const measured = oidsOf(tables.filter(({ hasStorage }) => hasStorage));
  return ifReadable(db, async (readable) => {
    const found = rowsOf<{ oid: string; dead: number; free: number }>(
      await readable.execute(sql`
        select heap.oid::text as oid, dead_tuple_percent / 100 as dead, approx_free_percent / 100 as free
        from unnest(${measured}::text::oid[]) as heap (oid)
        cross join lateral ${measure}(heap.oid)`),
    );
    return new Map(found.map(({ oid, dead, free }) => [oid, { deadShare: dead, freeShare: free }]));
  });
}
