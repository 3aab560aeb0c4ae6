/** Reads the parts of `vectors` from the catalog as SQL, so that they can be created again on another table. */
import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';

/** A part of a table, with the statement or clause that creates it. Names of tables in `definition` include the schema. */
interface Part {
  name: string;
  definition: string;
}

/** The table `vectors` of a ledger, one table or partitioned. Names of tables include the schema: `app.vectors`. */
export interface TableSql {
  table: string;
  /** The table's name and schema, not quoted. */
  name: string;
  schema: string;
  documents: string;
  /** Whether the role may lock `documents`. */
  mayLockDocuments: boolean;
  owner: string;
  /** The names of the columns, as a list. */
  columns: string;
  /** Storage parameters, as a list: `fillfactor=90`. Empty for a partitioned table. */
  options: string;
  primaryKey: string;
  foreignKeys: Part[];
  /** All except that of the primary key. */
  indexes: Part[];
  triggers: (Part & { forEachRow: boolean })[];
  /** The views that read the table. */
  views: (Part & { view: string })[];
  /** The sequence of the ids. */
  sequence: string | null;
  /** Statements that give another table the same owner, rights, policies and comment. `%s` stands for its name. */
  rights: string[];
  /** Roles that get rights on each new table by default. */
  defaultGrantees: string[];
  /** What refers to the table in a way that cannot be moved to another table. */
  obstacles: string[];
}

/** @throws {MigrationError} The table does not exist. */
export function readTableSql(hostDb: Db, { vectors, documents }: VectorTables): Promise<TableSql> {
  return hostDb.transaction(async (db) => {
    const [found] = rowsOf<{ table_oid: string; documents_oid: string }>(
      await db.execute(sql`
        select ${qualifiedName(vectors)}::text::regclass::oid::text as table_oid,
          ${qualifiedName(documents)}::text::regclass::oid::text as documents_oid`),
    );
    const table = sql`${found?.table_oid}::text::oid`;
    const documentsOid = sql`${found?.documents_oid}::text::oid`;
    const rows = async <Row>(query: SQL) => rowsOf<Row>(await db.execute(query));
    const texts = async (query: SQL) =>
      (await rows<{ text: string }>(query)).map(({ text }) => text);
    // PostgreSQL then writes every name with its schema.
    await db.execute(sql`select set_config('search_path', 'pg_catalog, pg_temp', true)`);
    const [about] = await rows<
      Pick<TableSql, 'table' | 'name' | 'schema' | 'documents' | 'owner' | 'options'> & {
        column_names: string;
        primary_key: string;
        may_lock: boolean;
        id_sequence: string | null;
      }
    >(sql`
      select ${table}::regclass::text as "table", relname as "name", nspname as "schema",
        ${documentsOid}::regclass::text as documents,
        has_table_privilege(${documentsOid}, 'update') as may_lock,
        relowner::regrole::text as owner, coalesce(array_to_string(reloptions, ', '), '') as options,
        (select string_agg(quote_ident(attname), ', ' order by attnum) from pg_attribute
          where attrelid = ${table} and attnum > 0 and not attisdropped and attgenerated = '') as column_names,
        (select conname from pg_constraint where conrelid = ${table} and contype = 'p') as primary_key,
        pg_get_serial_sequence(${table}::regclass::text, 'id') as id_sequence
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where pg_class.oid = ${table}`);
    if (about === undefined) throw new Error('the table was dropped');
    const { column_names, primary_key, may_lock, id_sequence, ...names } = about;
    return {
      ...names,
      columns: column_names,
      primaryKey: primary_key,
      mayLockDocuments: may_lock,
      sequence: id_sequence,
      foreignKeys: await rows<Part>(sql`
        select conname as name, pg_get_constraintdef(oid) as definition
        from pg_constraint where conrelid = ${table} and contype = 'f' order by 1`),
      indexes: await rows<Part>(sql`
        select relname as name, replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ') as definition
        from pg_index join pg_class on pg_class.oid = indexrelid
        where indrelid = ${table} and not indisprimary order by 1`),
      triggers: (
        await rows<Part & { for_each_row: boolean }>(sql`
        select tgname as name, pg_get_triggerdef(oid) as definition, tgtype & 1 = 1 as for_each_row
        from pg_trigger where tgrelid = ${table} and not tgisinternal order by 1`)
      ).map(({ for_each_row, ...trigger }) => ({ ...trigger, forEachRow: for_each_row })),
      views: await rows<TableSql['views'][number]>(sql`
        select relname as name, pg_class.oid::regclass::text as view,
          format('create or replace view %s%s as %s', pg_class.oid::regclass,
            ' with (' || array_to_string(reloptions, ', ') || ')', rtrim(pg_get_viewdef(pg_class.oid), ';')) as definition
        from pg_class
        where relkind = 'v' and oid in (
          select ev_class from pg_depend join pg_rewrite on pg_rewrite.oid = objid
          where classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass and refobjid = ${table}
        )
        order by 1`),
      rights: [
        ...(await texts(sql`
          select format('alter table %%s owner to %s', relowner::regrole) as text
          from pg_class where oid = ${table} and relowner::regrole::text <> quote_ident(current_user)`)),
        ...(await texts(sql`
          select format('grant %s on table %%s to %s%s', string_agg(privilege_type || columns, ', ' order by privilege_type, columns),
            case grantee when 0 then 'public' else grantee::regrole::text end,
            case when is_grantable then ' with grant option' else '' end) as text
          from (
            select grantee, privilege_type, is_grantable, '' as columns
            from pg_class cross join lateral aclexplode(relacl)
            where pg_class.oid = ${table} and grantee <> relowner
            union all
            select grantee, privilege_type, is_grantable, format(' (%I)', attname)
            from pg_attribute cross join lateral aclexplode(attacl)
            where attrelid = ${table} and attnum > 0 and not attisdropped
          ) as granted
          group by grantee, is_grantable order by 1`)),
        ...(await texts(sql`
          select format('create policy %I on %%s as %s for %s to %s%s%s', polname,
            case when polpermissive then 'permissive' else 'restrictive' end,
            case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end,
            (select string_agg(case role when 0 then 'public' else role::regrole::text end, ', ') from unnest(polroles) as role),
            ' using (' || pg_get_expr(polqual, polrelid) || ')',
            ' with check (' || pg_get_expr(polwithcheck, polrelid) || ')') as text
          from pg_policy where polrelid = ${table} order by polname`)),
        ...(await texts(sql`
          select format('alter table %%s %s row level security', command) as text
          from pg_class cross join lateral (values ('enable', relrowsecurity), ('force', relforcerowsecurity)) as rls (command, is_on)
          where oid = ${table} and is_on order by 1`)),
        ...(await texts(sql`
          select format('comment on table %%s is %L', obj_description(${table}, 'pg_class')) as text
          where obj_description(${table}, 'pg_class') is not null`)),
      ],
      defaultGrantees: await texts(sql`
        select distinct case grantee when 0 then 'public' else grantee::regrole::text end as text
        from pg_default_acl cross join lateral aclexplode(defaclacl)
        where defaclobjtype = 'r' and defaclrole = current_user::regrole and grantee <> defaclrole order by 1`),
      obstacles: await readObstacles(texts, table),
    };
  });
}

function readObstacles(texts: (query: SQL) => Promise<string[]>, table: SQL): Promise<string[]> {
  return texts(sql`
    select pg_describe_object(classid, objid, 0) || ' depends on the table' as text
    from pg_depend
    left join pg_class on classid = 'pg_class'::regclass and pg_class.oid = objid
    left join pg_rewrite on classid = 'pg_rewrite'::regclass and pg_rewrite.oid = objid
    left join pg_constraint on classid = 'pg_constraint'::regclass and pg_constraint.oid = objid
    left join pg_policy on classid = 'pg_policy'::regclass and pg_policy.oid = objid
    where refclassid = 'pg_class'::regclass and refobjid = ${table} and (
      classid in ('pg_proc'::regclass, 'pg_publication_rel'::regclass)
      -- A partitioned table depends on its own column, and its partitions depend on it.
      or relkind in ('r', 'p', 'f') and not relispartition and objid <> ${table}
      or (select relkind from pg_class as view where view.oid = ev_class) <> 'v'
      or confrelid = ${table} and conrelid <> ${table}
      or polrelid <> ${table}
    )
    union
    select format('the table inherits from %s', inhparent::regclass) from pg_inherits where inhrelid = ${table}
    union
    select format('the unique index %I does not contain doc_id', relname)
    from pg_index join pg_class on pg_class.oid = indexrelid
    where indrelid = ${table} and (indisunique and not indisprimary or indisexclusion) and (
      select attnum from pg_attribute where attrelid = ${table} and attname = 'doc_id'
    ) <> all (indkey)
    union
    select format('the trigger %I runs for each row and has a transition table, which a partitioned table does not allow', tgname)
    from pg_trigger
    where tgrelid = ${table} and tgtype & 1 = 1 and (tgoldtable is not null or tgnewtable is not null)
    union
    select format('the trigger %I is disabled or fires on replicas', tgname)
    from pg_trigger where tgrelid = ${table} and not tgisinternal and tgenabled <> 'O'
    order by 1`);
}
