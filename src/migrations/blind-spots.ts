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
  const vectorsName = qualifiedName(tables.vectors);
  const orphansName = qualifiedName(tables.vectorOrphans);
  const vectors = sql`to_regclass(${vectorsName})`;
  const [ledger] = rowsOf<{ exists: boolean }>(
    await db.execute(sql`
      select ${vectors} is not null and to_regclass(${orphansName}) is not null as "exists"`),
  );
  // `findSchemaDrift` reports a table that does not exist, and all that belongs to it.
  if (!ledger?.exists) return [];
  const ownTriggers = sql`(
    select jsonb_array_elements_text(${JSON.stringify(namesOf('trigger', tables))}::text::jsonb))`;
  const found = rowsOf<BlindSpot>(
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
      order by 1`),
  );
  const behind = await findSequencesBehind(db, [vectorsName, orphansName]);
  const all = [...found, ...behind].toSorted((a, b) => (a.object < b.object ? -1 : 1));
  return all.map(({ object, expected, found: definition, fix }) =>
    definition === null
      ? { object, problem: 'missing', expected, fix }
      : { object, problem: 'changed', expected, found: definition, fix },
  );
}

interface BlindSpot {
  object: string;
  expected: string;
  found: string | null;
  fix: string;
}

/** The sequences that are behind the ids of their tables. Citus requires separate statements for this. */
async function findSequencesBehind(db: Db, tables: readonly string[]): Promise<BlindSpot[]> {
  const found: BlindSpot[] = [];
  for (const table of tables) {
    // On Citus, each worker gives ids above 2^48, from a sequence of its own.
    const [highest] = rowsOf<{ id: string | null }>(
      await db.execute(
        sql`select max(id)::text as id from ${sql.raw(table)} where id < 281474976710656`,
      ),
    );
    const id = sql`${highest?.id ?? null}::text::bigint`;
    found.push(
      ...rowsOf<BlindSpot>(
        await db.execute(sql`
          select format('sequence %s', name) as object, format('at least %s', ${id}) as expected,
            format('at %s', last_value) as found, format('select setval(%L, %s)', name, ${id}) as fix
          from pg_get_serial_sequence(${table}, 'id') as name
          cross join lateral pg_sequence_last_value(name::regclass) as last_value
          where ${id} > coalesce(last_value, 0)`),
      ),
    );
  }
  return found;
}
