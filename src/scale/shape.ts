/** How the table `vectors` of a ledger is stored, from the catalog. Reads no rows of the tables. */
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';

/** A partition of `vectors`: the pages of a range of documents. */
export interface LedgerPartition {
  /** As SQL writes it: `vectors_p1`, `app.vectors_p1`. */
  name: string;
  /** The first document id of the range, as text. Null if there is no lower limit. */
  from: string | null;
  /** The first document id after the range, as text. Null if there is no upper limit. */
  to: string | null;
  /** The range as SQL writes it: `FOR VALUES FROM (MINVALUE) TO (120001)`. `DEFAULT` for a default partition. */
  bounds: string;
}

/** How `vectors` is stored: one table, partitions on the same server, or shards on the nodes of Citus. */
export type LedgerShape =
  | { kind: 'plain' }
  | {
      kind: 'partitioned';
      /** The partition key as SQL writes it. `RANGE (doc_id)`, unless the host has partitioned the table itself. */
      by: string;
      /** In the order of their ranges. A gap between two of them has no table. */
      partitions: LedgerPartition[];
    }
  | { kind: 'distributed'; shards: number };

/** Reads the shape of a ledger. It is plain if the table does not exist. */
export async function readShape(db: Db, tables: VectorTables): Promise<LedgerShape> {
  const table = qualifiedName(tables.vectors);
  const [found] = rowsOf<{ by: string | null; has_citus: boolean }>(
    await db.execute(sql`
      select case relkind when 'p' then pg_get_partkeydef(oid) end as "by",
        exists (select from pg_extension where extname = 'citus') as has_citus
      from pg_class where oid = to_regclass(${table}::text)`),
  );
  if (found?.has_citus) {
    const [distributed] = rowsOf<{ shards: number }>(
      await db.execute(sql`
        select (select count(*)::integer from pg_dist_shard as shard
            where shard.logicalrelid = part.logicalrelid) as shards
        from pg_dist_partition as part where logicalrelid = ${table}::text::regclass`),
    );
    if (distributed !== undefined) return { kind: 'distributed', shards: distributed.shards };
  }
  const by = found?.by;
  if (by == null) return { kind: 'plain' };
  return { kind: 'partitioned', by, partitions: await readPartitions(db, tables) };
}

async function readPartitions(db: Db, tables: VectorTables): Promise<LedgerPartition[]> {
  const found = rowsOf<{ name: string; bounds: string }>(
    await db.execute(sql`
      select inhrelid::regclass::text as name, pg_get_expr(relpartbound, inhrelid) as bounds
      from pg_inherits join pg_class on pg_class.oid = inhrelid
      where inhparent = ${qualifiedName(tables.vectors)}::text::regclass
      order by inhrelid`),
  );
  const partitions = found.map(({ name, bounds }) => ({ name, ...limitsOf(bounds), bounds }));
  const limits = partitions.flatMap(({ from }) => from ?? []);
  const position = new Map(
    (await sortDocIds(db, tables, limits)).map((from, index) => [from, index]),
  );
  // A partition without a lower limit comes first.
  const positionOf = ({ from }: LedgerPartition) =>
    from === null ? -1 : (position.get(from) ?? 0);
  return partitions.toSorted((a, b) => positionOf(a) - positionOf(b));
}

/**
 * Sorts document ids as PostgreSQL does, which depends on their type and on the database's collation.
 *
 * @returns Each id once, as PostgreSQL writes it.
 */
export async function sortDocIds(
  db: Db,
  { keyType }: VectorTables,
  docIds: readonly string[],
): Promise<string[]> {
  const type = sql.raw(keyType);
  const found = rowsOf<{ doc_id: string }>(
    await db.execute(sql`
      select doc_id::text as doc_id
      from (
        select distinct value::${type} as doc_id
        from jsonb_array_elements_text(${JSON.stringify(docIds)}::text::jsonb)
      ) as given
      order by given.doc_id`),
  );
  return found.map(({ doc_id }) => doc_id);
}

/** A limit as PostgreSQL writes it in a partition's bounds. */
const limit = String.raw`(MINVALUE|MAXVALUE|-?[\d.]+|E?'(?:[^']|'')*')`;
const range = new RegExp(String.raw`^FOR VALUES FROM \(${limit}\) TO \(${limit}\)$`, 's');

function limitsOf(bounds: string): { from: string | null; to: string | null } {
  const [, from = 'MINVALUE', to = 'MAXVALUE'] = range.exec(bounds) ?? [];
  return { from: parseLimit(from), to: parseLimit(to) };
}

function parseLimit(literal: string): string | null {
  if (literal.endsWith('VALUE')) return null;
  const quote = literal.indexOf("'");
  if (quote === -1) return literal;
  const text = literal.slice(quote + 1, -1).replaceAll("''", "'");
  return quote === 0 ? text : text.replaceAll('\\\\', '\\');
}
