import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import type { SchemaDrift } from './drift.ts';
import { namesOf } from './ledger-sql.ts';

/**
 * Finds reasons why the ledger may lose ids although its own objects are unchanged: child tables without triggers, a
 * parent table, other triggers that may change ids unnoticed, and sequences that are behind their table, as after
 * logical replication.
 */
export async function findBlindSpots(db: Db, tables: VectorTables): Promise<SchemaDrift[]> {
  const [vectorsName, orphansName] = [tables.vectors, tables.vectorOrphans].map(qualifiedName);
  const vectors = sql`to_regclass(${vectorsName})`;
  const [ledger] = rowsOf<{ exists: boolean }>(
    await db.execute(sql`
      select ${vectors} is not null and to_regclass(${orphansName}) is not null as "exists"`),
  );
  // Without the tables, everything else is reported as missing.
  if (!ledger?.exists) return [];
  const ownTriggers = sql`(
    select jsonb_array_elements_text(${JSON.stringify(namesOf('trigger', tables))}::text::jsonb))`;
  const found = rowsOf<{ object: string; expected: string; found: string | null; fix: string }>(
    await db.execute(sql`
      with recursive child as (
        select inhrelid as oid from pg_inherits where inhparent = ${vectors}
        union all
        select inhrelid from pg_inherits join child on inhparent = child.oid
      )
      select format('trigger %s on %s', wanted.tgname, child.oid::regclass) as object,
        definition as expected,
        null as found,
        case when relispartition then definition else format(
          'create this trigger on %1$s, or alter table %1$s no inherit %2$s', child.oid::regclass, ${vectorsName}::text
        ) end as fix
      from child
      join pg_class on pg_class.oid = child.oid
      cross join pg_trigger as wanted
      cross join lateral (
        select replace(pg_get_triggerdef(wanted.oid), format(' ON %I.%I ', nspname, root.relname),
          format(' ON %s ', child.oid::regclass))
        from pg_class as root join pg_namespace on pg_namespace.oid = root.relnamespace
        where root.oid = wanted.tgrelid
      ) as own (definition)
      where wanted.tgrelid = ${vectors} and not wanted.tgisinternal
        and wanted.tgname in ${ownTriggers}
        and not exists (
          select from pg_trigger as own
          where own.tgrelid = child.oid and own.tgname = wanted.tgname and own.tgenabled in ('O', 'A')
        )
      union all
      select format('table %s', ${tables.name}::text),
        'no parent table, because deleting through a parent fires no trigger of this table',
        format('inherits from %s', inhparent::regclass),
        format('alter table %s no inherit %s', ${vectorsName}::text, inhparent::regclass)
      from pg_inherits
      where inhrelid = ${vectors}
        and (select relkind from pg_class where oid = inhparent) <> 'p'
      union all
      -- Bits of tgtype: 1 row, 2 before, 16 update.
      select format('trigger %s', tgname),
        'no other BEFORE UPDATE row trigger, because it could change vector_ids unnoticed',
        pg_get_triggerdef(oid),
        format('drop trigger %I on %s; an AFTER trigger does no harm', tgname, ${vectorsName}::text)
      from pg_trigger
      where tgrelid = ${vectors} and not tgisinternal and tgname not in ${ownTriggers}
        and tgtype & 1 = 1 and tgtype & 2 = 2 and tgtype & 16 = 16
      union all
      select format('sequence %s', sequence.name), format('at least %s', sequence.highest_id),
        format('at %s', sequence.last_value),
        format('select setval(%L, %s)', sequence.name, sequence.highest_id)
      from (
        select pg_get_serial_sequence(${vectorsName}, 'id') as name,
          (select max(id) from ${tables.vectors}) as highest_id,
          pg_sequence_last_value(pg_get_serial_sequence(${vectorsName}, 'id')::regclass) as last_value
        union all
        select pg_get_serial_sequence(${orphansName}, 'id'),
          (select max(id) from ${tables.vectorOrphans}),
          pg_sequence_last_value(pg_get_serial_sequence(${orphansName}, 'id')::regclass)
      ) as sequence
      where sequence.highest_id > coalesce(sequence.last_value, 0)
      order by 1`),
  );
  return found.map(({ object, expected, found: definition, fix }) =>
    definition === null
      ? { object, problem: 'missing', expected, fix }
      : { object, problem: 'changed', expected, found: definition, fix },
  );
}
