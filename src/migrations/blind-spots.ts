import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import type { SchemaDrift } from './drift.ts';

/**
 * Finds what the host added or left behind that makes the ledger lose ids although its own objects are
 * unchanged: child tables without triggers, a parent table, triggers that may change ids unnoticed, and
 * sequences behind their table, as after logical replication.
 */
export async function findBlindSpots(db: Db): Promise<SchemaDrift[]> {
  const [tables] = rowsOf<{ exist: boolean }>(
    await db.execute(sql`
      select to_regclass('vectors') is not null and to_regclass('vector_orphans') is not null as "exist"`),
  );
  // Without the tables, everything else is reported as missing.
  if (!tables?.exist) return [];
  const found = rowsOf<{ object: string; expected: string; found: string | null }>(
    await db.execute(sql`
      with recursive child as (
        select inhrelid as oid from pg_inherits where inhparent = to_regclass('vectors')
        union all
        select inhrelid from pg_inherits join child on inhparent = child.oid
      )
      select format('trigger %s on %s', wanted.tgname, child.oid::regclass) as object,
        pg_get_triggerdef(wanted.oid) as expected,
        null as found
      from child
      cross join pg_trigger as wanted
      where wanted.tgrelid = to_regclass('vectors') and not wanted.tgisinternal
        and wanted.tgname like 'vectors\\_%'
        and not exists (
          select from pg_trigger as own
          where own.tgrelid = child.oid and own.tgname = wanted.tgname and own.tgenabled in ('O', 'A')
        )
      union all
      select 'table vectors', 'no parent table, because deleting through a parent fires no trigger of vectors',
        format('inherits from %s', inhparent::regclass)
      from pg_inherits
      where inhrelid = to_regclass('vectors')
        and (select relkind from pg_class where oid = inhparent) <> 'p'
      union all
      -- Bits of tgtype: 1 row, 2 before, 16 update.
      select format('trigger %s', tgname),
        'no other BEFORE UPDATE row trigger, because it could change vector_ids unnoticed',
        pg_get_triggerdef(oid)
      from pg_trigger
      where tgrelid = to_regclass('vectors') and not tgisinternal and tgname not like 'vectors\\_%'
        and tgtype & 1 = 1 and tgtype & 2 = 2 and tgtype & 16 = 16
      union all
      select format('sequence %s', sequence.name), format('at least %s', sequence.highest_id),
        format('at %s', sequence.last_value)
      from (
        select pg_get_serial_sequence('vectors', 'id') as name,
          (select max(id) from vectors) as highest_id,
          pg_sequence_last_value(pg_get_serial_sequence('vectors', 'id')::regclass) as last_value
        union all
        select pg_get_serial_sequence('vector_orphans', 'id'),
          (select max(id) from vector_orphans),
          pg_sequence_last_value(pg_get_serial_sequence('vector_orphans', 'id')::regclass)
      ) as sequence
      where sequence.highest_id > coalesce(sequence.last_value, 0)
      order by 1`),
  );
  return found.map(({ object, expected, found: definition }) =>
    definition === null
      ? { object, problem: 'missing', expected }
      : { object, problem: 'changed', expected, found: definition },
  );
}
