import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { requireBoolean, requireOptions } from '../require.ts';
import { requireUndistributed } from '../scale/require-undistributed.ts';
import { requireLedger, tablesOf } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import {
  type CacheHits,
  readCacheHits,
  readIndexScans,
  readStatisticsReset,
  readTableActivity,
  type TableActivity,
} from './activity.ts';
import { readBloat, type TableBloat } from './bloat.ts';
import { type PageKinds, readPageKinds } from './kinds.ts';
import { type QueueStats, readQueue } from './queue.ts';
import { type LedgerPart, readIndexes, readTables, type TableSize } from './relations.ts';
import { readSequences, type SequenceStats } from './sequences.ts';

/** A table of the ledger, or one of its partitions or child tables. */
export interface TableStats {
  /** As SQL writes it: `vectors`, `app.vectors`. */
  name: string;
  part: LedgerPart;
  /** The table that it is a partition or a child of. Null for the ledger's own tables. */
  parent: string | null;
  /** The planner's estimate. Null if the table was never analyzed or vacuumed, or had no rows then. */
  rows: number | null;
  /** Bytes on disk: the rows, their long values in TOAST, and the indexes. */
  bytes: TableSize['bytes'];
  activity: TableActivity | null;
  cacheHits: CacheHits | null;
  /** Null unless the option `bloat` is set and the extension pgstattuple is installed. */
  bloat: TableBloat | null;
}

export interface IndexStats {
  name: string;
  table: string;
  bytes: number;
  /** How often a statement used the index since `statisticsResetAt`. */
  scans: number | null;
  /** True if no statement used the index and it does not keep rows unique. */
  unused: boolean | null;
}

/** How large the ledger is and how it performs. Null means unknown, for example because the role may not read it. */
export interface LedgerStats {
  /** About how many pages there are, estimated by the planner or else from the sample. */
  pages: number | null;
  /** The bytes of `vectors` and its indexes for one page. Null if no page is recorded. */
  bytesPerPage: number | null;
  /** The queue is a table too: its `part` is `queue`. */
  tables: TableStats[];
  /** The largest first. */
  indexes: IndexStats[];
  kinds: PageKinds | null;
  queue: QueueStats | null;
  sequences: SequenceStats[];
  /** When the database's statistics were last reset. Null if never, or if that is unknown. */
  statisticsResetAt: Date | null;
}

/**
 * Reads how large the ledger is and how it performs: sizes, kinds of pages, dead rows, cache hits, the use of indexes,
 * the queue and the range of ids. For dashboards and for planning. `ledgerStatus` counts the pending pages and the
 * queued ids.
 *
 * It reads the catalog, PostgreSQL's statistics, and at most a few hundred blocks of the tables, so its cost does
 * not grow with the number of pages. The option `bloat` is the exception.
 *
 * @param hostDb - A database or a transaction. With row level security, kinds and queue contain only what the role
 *   sees.
 * @throws {MigrationError} The migrations have not been run, or the ledger is distributed.
 * @example
 * const { bytesPerPage, tables, queue } = await ledgerStats(db);
 */
export async function ledgerStats<DocId extends DocumentId = number>(
  hostDb: Db,
  options: {
    /** What `defineLedger` returned. {@defaultValue the package's own tables} */
    ledger?: Ledger<DocId> | undefined;
    /**
     * Measures dead and free space with the extension pgstattuple. It reads every block that has changed since the last
     * vacuum. {@defaultValue false}
     */
    bloat?: boolean | undefined;
  } = {},
): Promise<LedgerStats> {
  const db = uniform(hostDb);
  requireOptions(options, { ledger: requireLedger, bloat: requireBoolean });
  const tables = tablesOf(options.ledger);
  return withLedgerErrors(async () => {
    await requireUndistributed(db, tables, {
      change: 'ledgerStats cannot read the sizes of shards',
      hint: 'Query citus_tables and citus_shards.',
    });
    const sizes = await readTables(db, tables);
    const indexes = await readIndexes(db, sizes);
    const activity = await readTableActivity(db, sizes);
    const cacheHits = await readCacheHits(db, sizes);
    const scans = await readIndexScans(db, indexes);
    const bloat = options.bloat ? await readBloat(db, sizes) : null;
    const sample = await readPageKinds(db, tables, sizes);
    const pages = estimatedPages(sizes) ?? sample?.estimatedPages ?? null;
    return {
      pages,
      bytesPerPage: pages ? Math.round(bytesOfPages(sizes) / pages) : null,
      tables: sizes.map(({ oid, hasStorage: _, blocks: __, ...size }) => ({
        ...size,
        activity: activity?.get(oid) ?? null,
        cacheHits: cacheHits?.get(oid) ?? null,
        bloat: bloat?.get(oid) ?? null,
      })),
      indexes: indexes.map(({ oid, isUnique, ...index }) => {
        const scanned = scans?.get(oid) ?? null;
        return {
          ...index,
          scans: scanned,
          unused: scanned === null ? null : scanned === 0 && !isUnique,
        };
      }),
      kinds: sample?.kinds ?? null,
      queue: await readQueue(db, tables, sizes),
      sequences: await readSequences(db, tables),
      statisticsResetAt: await readStatisticsReset(db),
    };
  });
}

/** Adds up the planner's estimates. Null if one of the tables has no estimate. */
function estimatedPages(sizes: readonly TableSize[]): number | null {
  let pages = 0;
  for (const { part, rows } of sizes) {
    if (part !== 'vectors') continue;
    if (rows === null) return null;
    pages += rows;
  }
  return pages;
}

function bytesOfPages(sizes: readonly TableSize[]): number {
  return sizes.reduce((sum, { part, bytes }) => {
    return part === 'vectors' ? sum + bytes.heap + bytes.toast + bytes.indexes : sum;
  }, 0);
}
