import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import type { VectorTables } from '../tables.ts';
import { ifReadable } from './readable.ts';
import { samplePercent, type TableSize } from './relations.ts';

/** What waits for a purge. */
export interface QueueStats {
  rows: number;
  /** False if the queue is large and its rows are estimated from a sample. */
  exact: boolean;
  /** How long ago the row with the lowest id was queued, in milliseconds. Null if the queue is empty. */
  oldestMs: number | null;
  /** The rows by the number of purges that have tried them. */
  attempts: { none: number; oneToTen: number; more: number };
}

/** How many blocks of the queue are read. A small queue is read as a whole. */
const sampleBlocks = 1_000;

/** Counts the queue, or estimates its rows from a sample. Returns null if the role may not read the queue. */
export async function readQueue(
  db: Db,
  { vectorOrphans }: VectorTables,
  sizes: readonly TableSize[],
): Promise<QueueStats | null> {
  const percent = samplePercent(sizes, 'queue', sampleBlocks);
  const estimate = (rows: number) => Math.round((rows * 100) / percent);
  return ifReadable(db, async (readable) => {
    const [found] = rowsOf<Record<'untried' | 'tried' | 'stuck', number> & { age: number | null }>(
      // By id, because orphaned_at has no index and grows with the id.
      await readable.execute(sql`
        select (count(*) filter (where attempts = 0))::double precision as untried,
          (count(*) filter (where attempts between 1 and 10))::double precision as tried,
          (count(*) filter (where attempts > 10))::double precision as stuck,
          (select (extract(epoch from clock_timestamp() - orphaned_at) * 1000)::double precision
            from ${vectorOrphans} order by id limit 1) as age
        from ${vectorOrphans} tablesample system (${percent}::double precision)`),
    );
    const { untried, tried, stuck, age } = found as NonNullable<typeof found>;
    return {
      rows: estimate(untried + tried + stuck),
      exact: percent === 100,
      oldestMs: age,
      attempts: { none: estimate(untried), oneToTen: estimate(tried), more: estimate(stuck) },
    };
  });
}
