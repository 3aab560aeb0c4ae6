/** Reads the ledger's tables and indexes with their sizes from the catalog. Reads no rows of the tables. */
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';

/** What a table stores: pages, or queued ids. A partition or child table stores the same as its parent. */
export type LedgerPart = 'vectors' | 'queue';

export interface TableSize {
  oid: string;
  /** As SQL writes it: `vectors`, `app.vectors`. */
  name: string;
  part: LedgerPart;
  /** The table that it is a partition or a child of. Null for the ledger's own tables. */
  parent: string | null;
  /** False for a partitioned table, which has no rows of its own. */
  hasStorage: boolean;
  /** The planner's estimate. Null if the table was never analyzed or vacuumed, or had no rows then. */
  rows: number | null;
  bytes: {
    /** The rows without long values, which are in TOAST. */
    heap: number;
    toast: number;
    indexes: number;
  };
  /** The blocks of the heap, which `tablesample system` picks from. */
  blocks: number;
}

export interface IndexSize {
  oid: string;
  name: string;
  table: string;
  bytes: number;
  /** Whether the index keeps rows unique. Such an index is useful even if no query scans it. */
  isUnique: boolean;
}

type TableRow = Record<'heap' | 'toast' | 'indexes' | 'blocks', number> & {
  oid: string;
  name: string;
  part: LedgerPart;
  parent: string | null;
  has_storage: boolean;
  row_count: number | null;
};

/**
 * Reads the tables and their children, the parents first.
 *
 * @throws {MigrationError} A table does not exist.
 */
export async function readTables(db: Db, tables: VectorTables): Promise<TableSize[]> {
  const { vectors, vectorOrphans } = tables;
  const found = rowsOf<TableRow>(
    await db.execute(sql`
      with recursive ledger_table as (
        select root.oid::oid as oid, root.part, null::oid as parent, 0 as depth
        from (values
          (${qualifiedName(vectors)}::text::regclass, 'vectors', 1),
          (${qualifiedName(vectorOrphans)}::text::regclass, 'queue', 2)
        ) as root (oid, part, position)
        union all
        select inhrelid, part, inhparent, depth + 1
        from ledger_table join pg_inherits on inhparent = ledger_table.oid
      ), sized as (
        select ledger_table.*, relkind, reltuples, relpages,
          case when relkind = 'r' then pg_relation_size(ledger_table.oid) else 0 end as main,
          case when relkind = 'r' then pg_table_size(ledger_table.oid) else 0 end as whole,
          case when reltoastrelid <> 0 then pg_total_relation_size(reltoastrelid) else 0 end as toast,
          current_setting('block_size')::integer as block
        from ledger_table join pg_class on pg_class.oid = ledger_table.oid
      )
      -- The planner's own estimate: the density at the last analyze, times the blocks that there are now.
      select oid::text as oid, oid::regclass::text as name, part, parent::regclass::text as parent,
        relkind = 'r' as has_storage,
        case when main = 0 then 0 when relpages > 0 and reltuples > 0
          then round(reltuples::double precision / relpages * (main / block)) end as row_count,
        (whole - toast)::double precision as heap, toast::double precision as toast,
        pg_indexes_size(oid)::double precision as indexes, (main / block)::double precision as blocks
      from sized
      order by part desc, depth, oid`),
  );
  return found.map(({ oid, name, part, parent, has_storage, row_count, blocks, ...bytes }) => ({
    oid,
    name,
    part,
    parent,
    hasStorage: has_storage,
    rows: row_count,
    bytes: { heap: bytes.heap, toast: bytes.toast, indexes: bytes.indexes },
    blocks,
  }));
}

/** Reads the indexes of these tables, the largest first. */
export async function readIndexes(db: Db, tables: readonly TableSize[]): Promise<IndexSize[]> {
  const found = rowsOf<{
    oid: string;
    name: string;
    table_name: string;
    bytes: number;
    is_unique: boolean;
  }>(
    await db.execute(sql`
      select indexrelid::text as oid, indexrelid::regclass::text as name,
        indrelid::regclass::text as table_name, pg_relation_size(indexrelid)::double precision as bytes,
        indisunique or indisexclusion as is_unique
      from pg_index join pg_class on pg_class.oid = indexrelid
      where indrelid = any (${oidsOf(tables)}::text::oid[]) and relkind = 'i'
      order by bytes desc, name`),
  );
  return found.map(({ oid, name, table_name, bytes, is_unique }) => ({
    oid,
    name,
    table: table_name,
    bytes,
    isUnique: is_unique,
  }));
}

/**
 * Formats oids as a PostgreSQL array. With an array that is a constant, PostgreSQL's statistics views compute only the
 * rows with these oids.
 */
export function oidsOf(relations: readonly { oid: string }[]): string {
  return `{${relations.map(({ oid }) => oid).join()}}`;
}

/** The percentage of a part's blocks to read so that about `blocks` are read; 100 for a small table. */
export function samplePercent(
  sizes: readonly TableSize[],
  part: LedgerPart,
  blocks: number,
): number {
  const all = sizes.reduce((sum, table) => sum + (table.part === part ? table.blocks : 0), 0);
  return all <= blocks ? 100 : (100 * blocks) / all;
}
