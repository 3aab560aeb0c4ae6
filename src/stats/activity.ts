/** What PostgreSQL's cumulative statistics say about the ledger's tables and indexes. */
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { ifReadable } from './readable.ts';
import { type IndexSize, oidsOf, type TableSize } from './relations.ts';

/** How a table is maintained. A date is null if that never happened. */
export interface TableActivity {
  /** Estimate of the rows that were deleted or replaced and not yet removed by a vacuum. */
  deadRows: number;
  /** Estimate of all other rows. */
  liveRows: number;
  /** When the last vacuum ended, by hand or by autovacuum. */
  vacuumedAt: Date | null;
  /** When the last analyze ended, by hand or by autovacuum. */
  analyzedAt: Date | null;
}

/** The shares of block reads that shared buffers answered, 0 to 1. Null if no block was read. */
export interface CacheHits {
  /** The table with its TOAST. */
  table: number | null;
  /** Its indexes, with those of its TOAST. */
  indexes: number | null;
}

export async function readTableActivity(
  db: Db,
  tables: readonly TableSize[],
): Promise<Map<string, TableActivity> | null> {
  return ifReadable(db, async (readable) => {
    const found = rowsOf<
      { oid: string } & Record<'dead' | 'live', number> &
        Record<'vacuumed' | 'analyzed', number | null>
    >(
      await readable.execute(sql`
        select relid::text as oid, n_dead_tup::double precision as dead, n_live_tup::double precision as live,
          (extract(epoch from greatest(last_vacuum, last_autovacuum)) * 1000)::double precision as vacuumed,
          (extract(epoch from greatest(last_analyze, last_autoanalyze)) * 1000)::double precision as analyzed
        from pg_stat_user_tables
        where relid = any (${oidsOf(tables)}::text::oid[])`),
    );
    return new Map(
      found.map(({ oid, dead, live, vacuumed, analyzed }) => [
        oid,
        {
          deadRows: dead,
          liveRows: live,
          vacuumedAt: dateOf(vacuumed),
          analyzedAt: dateOf(analyzed),
        },
      ]),
    );
  });
}

export async function readCacheHits(
  db: Db,
  tables: readonly TableSize[],
): Promise<Map<string, CacheHits> | null> {
  const share = (hit: string, all: string) =>
    sql.raw(`(${hit})::double precision / nullif(${all}, 0)`);
  const heapHit = 'coalesce(heap_blks_hit, 0) + coalesce(toast_blks_hit, 0)';
  const indexHit = 'coalesce(idx_blks_hit, 0) + coalesce(tidx_blks_hit, 0)';
  return ifReadable(db, async (readable) => {
    const found = rowsOf<{ oid: string; heap: number | null; indexes: number | null }>(
      await readable.execute(sql`
        select relid::text as oid,
          ${share(heapHit, `${heapHit} + coalesce(heap_blks_read, 0) + coalesce(toast_blks_read, 0)`)} as heap,
          ${share(indexHit, `${indexHit} + coalesce(idx_blks_read, 0) + coalesce(tidx_blks_read, 0)`)} as indexes
        from pg_statio_user_tables
        where relid = any (${oidsOf(tables)}::text::oid[])`),
    );
    return new Map(found.map(({ oid, heap, indexes }) => [oid, { table: heap, indexes }]));
  });
}

/** The number of scans of each index. */
export async function readIndexScans(
  db: Db,
  indexes: readonly IndexSize[],
): Promise<Map<string, number> | null> {
  return ifReadable(db, async (readable) => {
    const found = rowsOf<{ oid: string; scans: number }>(
      await readable.execute(sql`
        select indexrelid::text as oid, idx_scan::double precision as scans
        from pg_stat_user_indexes
        where indexrelid = any (${oidsOf(indexes)}::text::oid[])`),
    );
    return new Map(found.map(({ oid, scans }) => [oid, scans]));
  });
}

/** When the statistics of the database were last reset. Null if never, or if that is unknown. */
export async function readStatisticsReset(db: Db): Promise<Date | null> {
  return ifReadable(db, async (readable) => {
    const [found] = rowsOf<{ reset: number | null }>(
      await readable.execute(sql`
        select (extract(epoch from stats_reset) * 1000)::double precision as reset
        from pg_stat_database where datname = current_database()`),
    );
    return dateOf(found?.reset ?? null);
  });
}

function dateOf(epochMs: number | null): Date | null {
  return epochMs === null ? null : new Date(epochMs);
}
