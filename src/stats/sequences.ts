import { getTableName, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';

/** How much of its range of ids a table has used. */
export interface SequenceStats {
  name: string;
  /** The last id that was given. Null if no id was given yet, or if the role may not read it. */
  lastValue: number | null;
  /** The largest id that fits in the sequence and in the column. */
  maxValue: number;
  /** The share of the range that is used, 0 to 1. Null if the role may not read it. */
  used: number | null;
}

/** Reads the sequences of both tables. Skips a table without a sequence. */
export async function readSequences(db: Db, tables: VectorTables): Promise<SequenceStats[]> {
  const columns = [tables.vectors, tables.vectorOrphans].map((table, position) => {
    const name = qualifiedName(table);
    // A sequence that the column does not own has its default name, see `idSequence` in ledger/write-pages.ts.
    return sql`(${position}::integer, ${name}::text, coalesce(
      pg_get_serial_sequence(${name}::text, 'id'), ${`${getTableName(table)}_id_seq`}::text))`;
  });
  const found = rowsOf<{ name: string; readable: boolean; last: number | null; highest: number }>(
    await db.execute(sql`
      select seqrelid::regclass::text as name, privilege.allowed as readable,
        (case when privilege.allowed then pg_sequence_last_value(seqrelid) end)::double precision as last,
        least(seqmax, case atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647
          else 9223372036854775807 end)::double precision as highest
      from (values ${sql.join(columns, sql`, `)}) as numbered (position, table_name, sequence_name)
      join pg_attribute on attrelid = to_regclass(table_name) and attname = 'id'
      join pg_sequence on seqrelid = to_regclass(sequence_name)
      cross join lateral (select has_sequence_privilege(seqrelid, 'select, usage') as allowed) as privilege
      order by position`),
  );
  return found.map(({ name, readable, last, highest }) => ({
    name,
    lastValue: last,
    maxValue: highest,
    used: readable ? (last ?? 0) / highest : null,
  }));
}
