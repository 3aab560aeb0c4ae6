// Written by `npm run db:embed` from the files in drizzle/. Do not edit.

export const embeddedMigrations = [
  {
    tag: '0000_20250524_vectors',
    when: 1795408618309,
    hash: 'ec24373ce6ef7ad225ec26b10f40e497b3b0f8fd806f81e21499090eef31a181',
    up: `-- The table as the original Alembic migration made it. A database that already has it keeps it.

-- If a table is busy, fail after five seconds, so that other queries do not pile up behind this migration.
select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The host's table, found through the search_path. Created here only if it does not exist.
do $$
declare
  elsewhere text;
  warning text;
begin
  if to_regclass('documents') is null then
    select string_agg(format('%I.%I', nspname, relname), ', ' order by nspname) into elsewhere
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relname = 'documents' and relkind in ('r', 'p') and nspname !~ '^pg_temp_';
    CREATE TABLE "documents" (
	"id" serial PRIMARY KEY NOT NULL
    );
    warning := 'created an empty table documents, because the search_path finds none'
      || coalesce(', although there is ' || elsewhere, '')
      || '; if your documents are elsewhere, run rollback --all, drop this table, and add their schema to the search_path';
    raise warning '%', warning;
    -- migrate() returns what it finds in this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  elsif not exists (
    select from pg_attribute
    where attrelid = 'documents'::regclass and attname = 'id'
      and atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
  ) then
    -- As a warning too: drizzle-kit does not show the errors of a migration.
    raise warning 'documents has no column id of type smallint, integer or bigint';
    raise exception using
      errcode = 'datatype_mismatch',
      message = 'documents has no column id of type smallint, integer or bigint',
      hint = 'The ledger needs a table documents whose column id is an integer.';
  end if;
end $$;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "vectors" (
	"id" serial PRIMARY KEY NOT NULL,
	"doc_id" integer NOT NULL,
	"page" integer NOT NULL,
	"vector_ids" text NOT NULL,
	CONSTRAINT "vectors_doc_id_fkey" FOREIGN KEY ("doc_id") REFERENCES "documents"("id") ON DELETE CASCADE
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_doc_id" ON "vectors" USING btree ("doc_id");
`,
    down: `-- Drops vectors, as the original downgrade did, if it exists. Leaves documents and everything else.
-- Lost: every recorded id. The vectors stay in the vector store.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
do $$
declare
  lost bigint;
  warning text;
begin
  if to_regclass('vectors') is null then
    return;
  end if;
  lock table vectors in access exclusive mode;
  select count(*) into lost from vectors;
  if lost > 0 then
    warning := format('pages whose vector ids were dropped: %s; their vectors stay in the vector store', lost);
    raise warning '%', warning;
    -- rollback() returns what it finds in this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  end if;
end $$;
--> statement-breakpoint
-- Dropping the table is the purpose of this file.
-- squawk-ignore ban-drop-table
drop table if exists vectors;
`,
  },
  {
    tag: '0001_jsonb_ledger',
    when: 1795408619666,
    hash: '8d849b98b1a573c5365b0f2b72a3b01ced2b6d30d093a714d4371a2c22d57eaf',
    up: `-- Converts vector_ids to JSONB, allows each page of a document only once, and makes ids searchable.
-- Takes over the rows of the original table, or stops without changing anything.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The functions that the checks use. In these statements \`ledger.\` stands for the schema of the ledger, which is
-- the current schema. All other names are looked up in pg_catalog only, now and when the functions run: other
-- schemas of the search_path may contain functions and operators of other roles.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$
-- Whether vector_ids is a JSON array of ids and runs that the decoder can read. A run must not count past its
-- last tail, 9999 or fff.
create or replace function ledger.vectors_ids_are_valid(vector_ids jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  -- Removing every invalid element must leave the array unchanged.
  return jsonb_path_query_array(vector_ids, '$[*] ? (@.type() == "string" || (
      @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
      && @.count >= 1 && @.count % 1 == 0
      && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
           && @.from.double() + @.count <= 10000)
          || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
              && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))')
      = vector_ids
    and not (vector_ids @> '[{"radix": 16}]' and exists (
      select from jsonb_array_elements(vector_ids) as run
      where run -> 'radix' = '16'
        and ('x' || lpad(run ->> 'from', 8, '0'))::bit(32)::integer + (run ->> 'count')::numeric > 4096
    ));
end $$;

-- Whether no UUID among the ids mixes upper and lower case. The spellings of such a UUID are too many to look
-- up, so a purge could not tell that a page uses it.
create or replace function ledger.vectors_ids_have_one_case(vector_ids jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  return not exists (
    select from jsonb_array_elements(vector_ids) as element
    cross join lateral (
      select coalesce(element ->> 'prefix', element #>> '{}') || coalesce(element ->> 'from', '') as id
    ) as first
    where id ~ '^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$'
      and id <> lower(id) and id <> upper(id)
  );
end $$;
  $functions$, 'ledger.', ledger);
  perform set_config('search_path', search_path_before, true);
end $do$;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "vector_orphans" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"doc_id" integer,
	"page" integer,
	"vector_ids" jsonb NOT NULL,
	"vector_count" integer NOT NULL,
	"namespace" text,
	"orphaned_at" timestamp with time zone DEFAULT now() NOT NULL,
	"attempts" integer DEFAULT 0 NOT NULL,
	"tried_at" timestamp with time zone,
	"due_at" timestamp with time zone DEFAULT now() NOT NULL,
	CONSTRAINT "vector_orphans_vector_ids_check" CHECK ((("vector_orphans"."doc_id" > 0 and "vector_orphans"."vector_ids" -> 1 is null and "vector_orphans"."vector_ids" -> 0 -> 'radix'::text = '16'
        and "vector_orphans"."vector_ids" -> 0 ->> 'prefix'::text = lpad(to_hex("vector_orphans"."doc_id"), 8, '0') || '-'
          || substr(lpad(to_hex("vector_orphans"."page"), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex("vector_orphans"."page"), 8, '0'), 6)
          || '-800' || left(lpad(to_hex("vector_orphans"."page"), 8, '0'), 1) || '-' || '000000000') and "vector_orphans"."vector_ids" @? 'strict $[0] ? (@.from == "000"
          && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0)'::jsonpath) is true or (jsonb_typeof("vector_orphans"."vector_ids") = 'array'
        and (not "vector_orphans"."vector_ids" @? 'strict $[*] ? (@.type() != "string")'::jsonpath or vectors_ids_are_valid("vector_orphans"."vector_ids"))))
);
--> statement-breakpoint
-- Not compressed: random ids do not get smaller, and trying would make a delete take three times as long.
alter table vector_orphans alter column vector_ids set storage external;
--> statement-breakpoint
-- Converts the text of a legacy row to a JSON array of strings. Returns null if it is not a list of ids.
-- Text that starts with a bracket must be a JSON array of strings and integers. Other text is split at commas.
create or replace function vectors_legacy_ids(vector_ids text) returns jsonb
language plpgsql immutable strict as $$
declare
  ids jsonb;
begin
  if ltrim(vector_ids, E' \\t\\r\\n') like '[%' then
    ids := vector_ids::jsonb;
    if ids = jsonb_path_query_array(ids, 'strict $[*] ? (@.type() == "string" && @ != "")') then
      return case when vectors_ids_have_one_case(ids) then ids end; -- Most rows are like this.
    end if;
    -- Read as json, not jsonb: json keeps numbers as they were written, so integers above 2^53 keep all
    -- digits and 1e22 does not become an integer.
    select jsonb_agg(element.value #>> '{}' order by element.position)
    into ids
    from json_array_elements(vector_ids::json) with ordinality as element (value, position)
    having bool_and(case json_typeof(element.value)
      when 'string' then element.value #>> '{}' <> ''
      when 'number' then element.value #>> '{}' ~ '^-?[0-9]+$'
      else false
    end);
  elsif btrim(vector_ids, E' \\t\\r\\n') = '' then
    ids := '[]';
  else
    select jsonb_agg(btrim(piece.id, E' \\t\\r\\n') order by piece.position)
    into ids
    from string_to_table(vector_ids, ',') with ordinality as piece (id, position)
    -- Quotes, brackets and inner spaces mean that this is some other notation. An empty piece, null or
    -- None means that an id was lost.
    having bool_and(
      btrim(piece.id, E' \\t\\r\\n') ~ '^[^[:space:]"''\\[\\]{}()]+$'
      and btrim(piece.id, E' \\t\\r\\n') not in ('null', 'None')
    );
  end if;
  return case when vectors_ids_have_one_case(ids) then ids end;
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
--> statement-breakpoint
-- Converts the rows, or says which of them it cannot convert.
do $$
declare
  duplicates text := coalesce(current_setting('colpali_vectors.duplicates', true), '');
  delete_older constant text := 'delete from vectors older using vectors newer where older.doc_id = newer.doc_id '
    'and older.page = newer.page and older.id < newer.id;';
  kinds integer[];
  problems text[];
  hints text[];
  list text;
  number bigint;
  warning text;
  hint text;
begin
  -- This migration adds the constraint last. If it exists, the rows have been converted.
  if exists (
    select from pg_constraint
    where conrelid = 'vectors'::regclass and conname = 'vectors_vector_ids_check'
  ) then
    return;
  end if;

  lock table vectors in access exclusive mode;

  with legacy as materialized (
    select id, doc_id, page,
      doc_id is null or page is null or vector_ids is null as has_null,
      vector_ids is not null and vectors_legacy_ids(vector_ids::text) is null as is_unreadable
    from vectors
  ), problem (sort_key, what, remedy, id) as (
    select 1, 'with a null', 'doc_id, page and vector_ids must not be null. Fix or delete these rows.', id
    from legacy where has_null
    union all
    select 2, 'with a page below 1',
      'Pages count from 1. If your pipeline counted from 0, run: update vectors set page = page + 1;', id
    from legacy where page < 1
    union all
    select 3, 'with vector_ids that are not a list of ids',
      'vector_ids must be a JSON array of strings or integers, or ids separated by commas; '
        'a UUID must not mix upper and lower case. Fix or delete these rows.', id
    from legacy where is_unreadable
  ), ranked as (
    select *, row_number() over (partition by sort_key order by id) as rank from problem
  ), counted as (
    select sort_key, remedy, format('%s %s (id %s)', count(*), what,
      string_agg(id::text, ', ' order by id) filter (where rank <= 10)
        || case when count(*) > 10 then ', ...' else '' end) as description
    from ranked group by sort_key, what, remedy
  )
  select array_agg(sort_key), coalesce(array_agg(description order by sort_key), '{}'),
    coalesce(array_agg(remedy order by sort_key), '{}')
  into kinds, problems, hints
  from counted;
  if 3 = any (kinds) and exists (select from vectors where vector_ids::text like '[''%') then
    hints := hints || text 'To convert lists that Python printed, run: update vectors '
      'set vector_ids = replace(vector_ids, '''''''', ''"'') where vector_ids like ''[''''%'';';
  end if;

  -- Only without a foreign key can a document be missing. The role may lack the right to read documents, or see
  -- only a part of them; then the foreign key below stops the migration.
  if not exists (
    select from pg_constraint
    where conrelid = 'vectors'::regclass and confrelid = 'documents'::regclass and contype = 'f' and convalidated
      and conkey = array(
        select attnum from pg_attribute where attrelid = 'vectors'::regclass and attname = 'doc_id'
      )
  ) and has_column_privilege('documents', 'id', 'select') and not row_security_active('documents') then
    with ranked as (
      select id, row_number() over (order by id) as rank from vectors
      where doc_id is not null and not exists (select from documents where documents.id = vectors.doc_id)
    )
    select count(*), string_agg(id::text, ', ' order by id) filter (where rank <= 10) into number, list from ranked;
    if number > 0 then
      problems := problems || format('%s without a document (id %s)', number,
        list || case when number > 10 then ', ...' else '' end);
      hints := hints || text 'To delete the rows whose document does not exist, run: '
        'delete from vectors where not exists (select from documents where documents.id = vectors.doc_id);';
    end if;
  end if;

  -- Deleting the older rows would lose their ids, so somebody has to choose.
  if duplicates not in ('keep-newest', 'merge') then
    with repeated as (
      select doc_id, page, array_agg(id order by id) as ids, row_number() over (order by min(id)) as rank
      from vectors
      where doc_id is not null and page is not null
      group by doc_id, page having count(*) > 1
    )
    select count(*), string_agg(
      format('document %s page %s: id %s', doc_id, page,
        array_to_string(ids[:10], ', ') || case when cardinality(ids) > 10 then ', ...' else '' end),
      '; ' order by rank) filter (where rank <= 10)
    into number, list
    from repeated;
    if number > 0 then
      problems := problems || format('%s recorded more than once (%s)',
        number || case when number = 1 then ' page' else ' pages' end,
        list || case when number > 10 then '; ...' else '' end);
      hints := hints || concat(
        E'For pages that were recorded more than once, choose one:\\n',
        E'- Keep the newest row, and let the next purge delete the vectors that only the older rows have: ',
        E'colpali-vectors migrate --duplicates keep-newest\\n',
        E'- Keep the newest row, and leave the other vectors in the store: ', delete_older, E'\\n',
        E'- Keep all ids, in the order of the rows: colpali-vectors migrate --duplicates merge\\n',
        E'- The same as SQL, if vector_ids is text and contains JSON: ',
        'update vectors set vector_ids = (select coalesce(json_agg(vector_id order by first), ''[]'')::text from ',
        '(select vector_id, min(array[same.id, position]) as first from vectors same cross join ',
        'json_array_elements_text(same.vector_ids::json) with ordinality as element (vector_id, position) ',
        'where same.doc_id = vectors.doc_id and same.page = vectors.page group by vector_id) as once) ',
        'where (doc_id, page) in (select doc_id, page from vectors group by doc_id, page having count(*) > 1); ',
        delete_older);
    end if;
  end if;

  if cardinality(problems) > 0 then
    select count(*) into number from vectors;
    raise exception using
      errcode = 'check_violation',
      message = format('cannot convert some of the %s rows of vectors: ', number)
        || array_to_string(problems, '; '),
      hint = array_to_string(hints, E'\\n');
  end if;

  -- A table that was not made by Alembic may lack a NOT NULL or have a default that is not JSON.
  alter table vectors
    alter column doc_id set not null,
    alter column page set not null,
    alter column vector_ids set not null,
    alter column vector_ids drop default,
    alter column vector_ids set data type jsonb using vectors_legacy_ids(vector_ids::text);

  if duplicates = 'merge' then
    with repeated as (
      select doc_id, page, max(id) as newest from vectors group by doc_id, page having count(*) > 1
    ), once as (
      select newest, vector_id, min(array[vectors.id, position]) as first
      from repeated join vectors using (doc_id, page)
      cross join jsonb_array_elements_text(vector_ids) with ordinality as element (vector_id, position)
      group by newest, vector_id
    )
    update vectors set vector_ids = merged.vector_ids
    from (
      select newest, jsonb_agg(vector_id order by first) as vector_ids from once group by newest
    ) as merged
    where id = newest;
  elsif duplicates = 'keep-newest' then
    insert into vector_orphans (doc_id, page, vector_ids, vector_count)
    select older.doc_id, older.page, lost.vector_ids, jsonb_array_length(lost.vector_ids)
    from (select max(id) as id from vectors group by doc_id, page having count(*) > 1) as newest
    join vectors as kept using (id)
    join vectors as older on older.doc_id = kept.doc_id and older.page = kept.page and older.id < kept.id
    cross join lateral (
      select jsonb_agg(vector_id order by position) as vector_ids
      from jsonb_array_elements_text(older.vector_ids) with ordinality as element (vector_id, position)
      where not exists (
        select from jsonb_array_elements_text(kept.vector_ids) as still (vector_id)
        where still.vector_id = element.vector_id
      )
    ) as lost
    where lost.vector_ids is not null
    order by older.id;
  end if;
  delete from vectors older
  using vectors newer
  where older.doc_id = newer.doc_id and older.page = newer.page and older.id < newer.id;
  get diagnostics number = row_count;
  if number > 0 then
    warning := case duplicates
      when 'merge' then format('older rows merged into the newest row of their page: %s', number)
      else format('older rows deleted because their page has a newer row: %s; '
        'the ids that only they had wait in vector_orphans', number)
    end;
    raise warning '%', warning;
    -- migrate() returns what it finds in this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  end if;
exception when others then
  -- As a warning too: drizzle-kit does not show the errors of a migration.
  get stacked diagnostics hint = pg_exception_hint;
  raise warning '%', sqlerrm || coalesce(E'\\nHint: ' || nullif(hint, ''), '');
  raise;
end $$;
--> statement-breakpoint
-- Replaces a legacy foreign key that has another name or does not cascade.
do $$
declare
  foreign_key record;
  has_ours boolean := false;
begin
  for foreign_key in
    select conname,
      conname = 'vectors_doc_id_fkey' and confdeltype = 'c' and confupdtype = 'a'
        and not condeferrable and convalidated as is_ours
    from pg_constraint
    where conrelid = 'vectors'::regclass and confrelid = 'documents'::regclass and contype = 'f'
      -- Only on this column: a column that the host added may refer to documents too.
      and conkey = array(
        select attnum from pg_attribute where attrelid = 'vectors'::regclass and attname = 'doc_id'
      )
  loop
    if foreign_key.is_ours then
      has_ours := true;
    else
      execute format('alter table vectors drop constraint %I', foreign_key.conname);
    end if;
  end loop;
  if not has_ours then
    alter table vectors add constraint vectors_doc_id_fkey
      foreign key (doc_id) references documents (id) on delete cascade;
  end if;
exception when others then
  raise warning '%', sqlerrm;
  raise;
end $$;
--> statement-breakpoint
drop function vectors_legacy_ids(text);
--> statement-breakpoint
ALTER TABLE "vectors" ADD COLUMN IF NOT EXISTS "grid" jsonb;--> statement-breakpoint
ALTER TABLE "vectors" ADD COLUMN IF NOT EXISTS "namespace" text;--> statement-breakpoint
ALTER TABLE "vectors" ADD COLUMN IF NOT EXISTS "recorded_at" timestamp with time zone DEFAULT now() NOT NULL;--> statement-breakpoint
ALTER TABLE "vectors" ADD COLUMN IF NOT EXISTS "indexed_at" timestamp with time zone DEFAULT now();--> statement-breakpoint
ALTER TABLE "vectors" ADD COLUMN IF NOT EXISTS "revision" integer DEFAULT 1 NOT NULL;--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vector_orphans_doc_page" ON "vector_orphans" USING btree ("doc_id","page");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vector_orphans_due" ON "vector_orphans" USING btree ("due_at","id");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_pending" ON "vectors" USING btree ("doc_id","page") WHERE "vectors"."indexed_at" is null;--> statement-breakpoint
CREATE UNIQUE INDEX IF NOT EXISTS "ix_vectors_doc_page" ON "vectors" USING btree ("doc_id","page");--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_vector_ids" ON "vectors" USING gin ("vector_ids" jsonb_path_ops) WITH (fastupdate=off) WHERE ("vectors"."doc_id" > 0 and "vectors"."vector_ids" -> 1 is null and "vectors"."vector_ids" -> 0 -> 'radix'::text = '16'
        and "vectors"."vector_ids" -> 0 ->> 'prefix'::text = lpad(to_hex("vectors"."doc_id"), 8, '0') || '-'
          || substr(lpad(to_hex("vectors"."page"), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex("vectors"."page"), 8, '0'), 6)
          || '-800' || left(lpad(to_hex("vectors"."page"), 8, '0'), 1) || '-' || '000000000') is not true;--> statement-breakpoint
ALTER TABLE "vectors" DROP CONSTRAINT IF EXISTS "vectors_page_check";--> statement-breakpoint
-- Validated at once: this transaction has already locked and rewritten the table.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE "vectors" ADD CONSTRAINT "vectors_page_check" CHECK ("vectors"."page" > 0);--> statement-breakpoint
ALTER TABLE "vectors" DROP CONSTRAINT IF EXISTS "vectors_grid_check";--> statement-breakpoint
-- Validated at once, as above.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE "vectors" ADD CONSTRAINT "vectors_grid_check" CHECK ("vectors"."grid" is null or ("vectors"."grid" @? 'strict $ ? (@.cols >= 1 && @.rows >= 1 && @.start >= 0
        && @.cols % 1 == 0 && @.rows % 1 == 0 && @.start % 1 == 0)'::jsonpath) is true);--> statement-breakpoint
ALTER TABLE "vectors" DROP CONSTRAINT IF EXISTS "vectors_vector_ids_check";--> statement-breakpoint
-- Validated at once, as above.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE "vectors" ADD CONSTRAINT "vectors_vector_ids_check" CHECK (((("vectors"."doc_id" > 0 and "vectors"."vector_ids" -> 1 is null and "vectors"."vector_ids" -> 0 -> 'radix'::text = '16'
        and "vectors"."vector_ids" -> 0 ->> 'prefix'::text = lpad(to_hex("vectors"."doc_id"), 8, '0') || '-'
          || substr(lpad(to_hex("vectors"."page"), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex("vectors"."page"), 8, '0'), 6)
          || '-800' || left(lpad(to_hex("vectors"."page"), 8, '0'), 1) || '-' || '000000000') and "vectors"."vector_ids" @? 'strict $[0] ? (@.from == "000"
          && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0)'::jsonpath) is true or (jsonb_typeof("vectors"."vector_ids") = 'array'
        and (not "vectors"."vector_ids" @? 'strict $[*] ? (@.type() != "string")'::jsonpath or vectors_ids_are_valid("vectors"."vector_ids"))))
        and ("vectors"."vector_ids"::text !~ '[A-F]' or vectors_ids_have_one_case("vectors"."vector_ids")));--> statement-breakpoint
-- The functions that read ids. \`ledger.\` stands for the schema of the ledger, as above.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$
-- Expands a page's ids: one row per id, with its position from 0. A function without SET, so that PostgreSQL
-- inlines it into the view and a condition on doc_id and page still reaches the table.
create or replace function ledger.vectors_expand_ids(vector_ids jsonb)
returns table (patch integer, vector_id text)
language sql immutable
begin atomic
  select
    (row_number() over (order by element.position, tail.value) - 1)::integer,
    case
      when run.count is null then element.value #>> '{}'
      -- lpad cuts longer strings, so pad to the longer of the two lengths.
      else run.prefix || lpad(digits.value, greatest(length(run.from_tail), length(digits.value)), '0')
    end
  from jsonb_array_elements(vector_ids) with ordinality as element (value, position)
  cross join lateral (
    select
      element.value ->> 'prefix' as prefix,
      element.value ->> 'from' as from_tail,
      (element.value ->> 'count')::numeric::integer as count,
      element.value -> 'radix' = '16' as hexadecimal
  ) as run
  cross join lateral (
    select case
      when run.hexadecimal then ('x' || lpad(run.from_tail, 8, '0'))::bit(32)::integer
      else run.from_tail::integer
    end as value
  ) as first
  cross join lateral generate_series(
    coalesce(first.value, 0), coalesce(first.value + run.count - 1, 0)
  ) as tail (value)
  cross join lateral (
    select case when run.hexadecimal then to_hex(tail.value) else tail.value::text end as value
  ) as digits;
end;

-- Finds pages by index keys: ids, and {"prefix": ...} for runs. Searches the index ix_vectors_vector_ids,
-- which does not contain pages of one run of their own patch ids. A function with settings, because
-- PostgreSQL expects each key on a hundredth of all pages. It would compile the query for longer than it
-- runs, and would scan the whole table in a session that planned the query while there were few pages.
create or replace function ledger.vectors_holding(elements jsonb)
returns table (element jsonb, doc_id integer, page integer)
language plpgsql stable rows 100
set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off as $$
#variable_conflict use_column
begin
  return query
  select wanted.element, holding.doc_id, holding.page
  from jsonb_array_elements(elements) as wanted (element)
  -- \`offset 0\` searches the index once per key. Without it, PostgreSQL scans the table for a few keys, and
  -- \`@> any (array)\` would compare every key with every row that it finds.
  cross join lateral (
    select doc_id, page
    from ledger.vectors
    where vector_ids @> jsonb_build_array(wanted.element)
      -- Exactly the condition of the index, so that PostgreSQL uses it.
      and (doc_id > 0 and vector_ids -> 1 is null and vector_ids -> 0 -> 'radix'::text = '16'
        and vector_ids -> 0 ->> 'prefix'::text = lpad(to_hex(doc_id), 8, '0') || '-'
          || substr(lpad(to_hex(page), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex(page), 8, '0'), 6)
          || '-800' || left(lpad(to_hex(page), 8, '0'), 1) || '-' || '000000000') is not true
    offset 0
  ) as holding;
end $$;
  $functions$, 'ledger.', ledger);
  perform set_config('search_path', search_path_before, true);
end $do$;
--> statement-breakpoint
CREATE OR REPLACE VIEW "vector_patches" AS (
  select v.doc_id, v.page, expanded.patch, expanded.vector_id
  from vectors v
  cross join lateral vectors_expand_ids(v.vector_ids) as expanded);
--> statement-breakpoint
-- The view shows a role only what the role may read in vectors. PostgreSQL 14 does not have the option.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view vector_patches set (security_invoker = true);
  end if;
end $$;
`,
    down: `-- Converts vector_ids back to TEXT: a JSON list that the original's json.loads can read.
-- Lost: grids, namespaces, which pages are pending, and when each page was recorded and indexed. Warns about the
-- first three. Everything here also runs if somebody dropped vectors or vector_orphans.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
do $$
declare
  with_grid bigint := 0;
  with_namespace bigint := 0;
  pending bigint := 0;
  waiting bigint := 0;
  warnings text[];
  warning text;
begin
  if to_regclass('vectors') is not null then
    lock table vectors in access exclusive mode;
    select count(*) filter (where grid is not null), count(*) filter (where namespace is not null),
      count(*) filter (where indexed_at is null)
    into with_grid, with_namespace, pending
    from vectors;
  end if;

  -- Nothing else knows these vectors, so the table stays while it has rows. Migrating again reuses it.
  if to_regclass('vector_orphans') is not null then
    lock table vector_orphans in access exclusive mode;
    select count(*) into waiting from vector_orphans;
    if waiting = 0 then
      drop table vector_orphans;
    end if;
  end if;

  warnings := array_remove(array[
    case when with_grid > 0 then format('pages that lose their grid: %s', with_grid) end,
    case when with_namespace > 0 then format('pages that lose their namespace: %s', with_namespace) end,
    case when pending > 0 then format('pages that are no longer marked as pending: %s', pending) end,
    case when waiting > 0 then
      format('rows that still wait in vector_orphans for a purge: %s; the table stays', waiting) end
  ], null);
  foreach warning in array warnings loop
    raise warning '%', warning;
  end loop;
  -- rollback() returns what it finds in this setting, because not every driver passes warnings on.
  perform set_config('colpali_vectors.warnings', array_to_string(warnings, E'\\n'), true);
end $$;
--> statement-breakpoint
drop view if exists vector_patches;
--> statement-breakpoint
drop function if exists vectors_holding(jsonb);
--> statement-breakpoint
alter table if exists vectors drop constraint if exists vectors_vector_ids_check;
--> statement-breakpoint
alter table if exists vectors drop constraint if exists vectors_page_check;
--> statement-breakpoint
alter table if exists vectors drop constraint if exists vectors_grid_check;
--> statement-breakpoint
drop index if exists ix_vectors_vector_ids;
--> statement-breakpoint
drop index if exists ix_vectors_pending;
--> statement-breakpoint
drop index if exists ix_vectors_doc_page;
--> statement-breakpoint
-- Services that read the newer columns must be stopped first; the documentation of rollback says so.
-- squawk-ignore ban-drop-column
alter table if exists vectors drop column if exists indexed_at;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table if exists vectors drop column if exists revision;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table if exists vectors drop column if exists recorded_at;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table if exists vectors drop column if exists namespace;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table if exists vectors drop column if exists grid;
--> statement-breakpoint
-- Converts a page's ids to a JSON list without runs.
create or replace function vectors_plain_list(vector_ids jsonb) returns text
language sql immutable strict as $$
  select coalesce(jsonb_agg(vector_id order by patch), '[]')::text from vectors_expand_ids(vector_ids)
$$;
--> statement-breakpoint
-- The table is already locked, and only a rewrite restores the older type.
-- squawk-ignore changing-column-type
alter table if exists vectors alter column vector_ids set data type text using vectors_plain_list(vector_ids);
--> statement-breakpoint
drop function vectors_plain_list(jsonb);
--> statement-breakpoint
drop function vectors_expand_ids(jsonb);
--> statement-breakpoint
drop function vectors_ids_have_one_case(jsonb);
--> statement-breakpoint
-- The check of vector_orphans uses the function, if the table stays.
do $$
begin
  if to_regclass('vector_orphans') is null then
    drop function vectors_ids_are_valid(jsonb);
  end if;
end $$;
`,
  },
  {
    tag: '0002_orphan_triggers',
    when: 1795408620893,
    hash: '413e71a776f92e4ef11270c845a5bf951babcbae9b9eb31400d061dfa270e14a',
    up: `-- Queues the ids of pages that are deleted or recorded again, numbers the recordings of a page, and keeps
-- writers and purges apart. The queueing functions run as their owner, so a role that may only write to
-- vectors fills the queue too.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- \`ledger.\` stands for the schema of the ledger, which is the current schema. All other names are looked up in
-- pg_catalog only, now and when the functions run: other schemas of the search_path may contain functions and
-- operators of other roles.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$
-- Counts the ids of a stored array. It returns a table, so that PostgreSQL inlines it into the queries below.
create or replace function ledger.vectors_count_ids(vector_ids jsonb) returns table (vector_count integer)
language sql immutable
begin atomic
  select case
    when vector_ids @> '[{}]' then (
      select sum(coalesce((element ->> 'count')::numeric, 1))::integer
      from jsonb_array_elements(vector_ids) as element
    )
    -- Without runs, each element is an id.
    else jsonb_array_length(vector_ids)
  end;
end;

-- Queues the ids of deleted pages, in the transaction that deletes them. A statement trigger, because a row
-- trigger takes two to three times as long for a document of patch ids.
create or replace function ledger.vectors_queue_deleted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select doc_id, page, vector_ids, vector_count, namespace
  from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
  where vector_ids <> '[]';
  return null;
end $$;

-- Queues the ids that a page had before it was recorded again. A row trigger, because only a row trigger can
-- ignore updates that do not set vector_ids. It then never reads and compares 40 KB per page.
create or replace function ledger.vectors_queue_replaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select old.doc_id, old.page, old.vector_ids, vector_count, old.namespace
  from ledger.vectors_count_ids(old.vector_ids);
  return null;
end $$;

-- TRUNCATE does not fire the triggers of DELETE.
create or replace function ledger.vectors_queue_truncated() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  -- TRUNCATE also removes rows that an older snapshot does not show, and those would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = 'vectors can only be truncated at isolation level read committed';
  end if;
  -- \`only\` the truncated table, because each partition has its own trigger.
  execute $insert$
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from only $insert$ || tg_relid::regclass::text || $insert$
    cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'$insert$;
  return null;
end $$;

-- Gives a page a new revision if SQL other than the repository's records it again: sets its ids or makes it
-- pending. An ingest that is under way then cannot mark it as indexed.
create or replace function ledger.vectors_new_revision() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.revision := old.revision + 1;
  new.recorded_at := clock_timestamp();
  return new;
end $$;

-- The advisory lock of a document. Writers of its pages take it in shared mode, a purge takes it alone.
-- A lock instead of the rows in vector_orphans, because a writer's snapshot may not show the rows that a
-- purge holds. The documents share 64 keys, so that a transaction on any number of documents needs few
-- entries of the server's lock table.
create or replace function ledger.vectors_purge_lock_key(doc_id integer) returns bigint
language sql immutable
-- The upper half is "colo" in ASCII.
return (1668246639::bigint << 32) + (doc_id & 63);

-- Makes a writer wait for a purge of the same document. When the writer continues, the purge has either
-- deleted the old vectors or spared them; it cannot delete the vectors that are written next.
create or replace function ledger.vectors_wait_for_purge() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  perform pg_advisory_xact_lock_shared(lock.key)
  from (select distinct ledger.vectors_purge_lock_key(doc_id) as key from written order by 1) as lock;
  return null;
end $$;
  $functions$, 'ledger.', ledger);
  perform set_config('search_path', search_path_before, true);
end $do$;
--> statement-breakpoint
-- Only the owner may execute the trigger functions: another role could attach them to a table of its own and
-- queue any ids. Triggers fire without this right. Default privileges may have granted it to any role.
do $do$
declare
  ledger oid := (select oid from pg_namespace where nspname = current_schema());
  search_path_before text := current_setting('search_path');
  granted record;
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  for granted in
    select pg_proc.oid::regprocedure as function,
      case when grantee = 0 then 'public' else quote_ident(pg_get_userbyid(grantee)) end as role
    from pg_proc
    cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner)))
    where pronamespace = ledger and pronargs = 0 and grantee <> proowner and proname in (
      'vectors_queue_deleted', 'vectors_queue_replaced', 'vectors_queue_truncated', 'vectors_new_revision',
      'vectors_wait_for_purge'
    )
  loop
    execute format('revoke execute on function %s from %s cascade', granted.function, granted.role);
  end loop;
  perform set_config('search_path', search_path_before, true);
end $do$;
--> statement-breakpoint
create or replace trigger vectors_queue_deleted after delete on vectors
referencing old table as deleted
for each statement execute function vectors_queue_deleted();
--> statement-breakpoint
create or replace trigger vectors_queue_replaced after update of vector_ids on vectors
for each row when (old.vector_ids <> '[]' and old.vector_ids <> new.vector_ids)
execute function vectors_queue_replaced();
--> statement-breakpoint
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_truncated();
--> statement-breakpoint
create or replace trigger vectors_new_revision before update of vector_ids, indexed_at on vectors
for each row when (
  new.revision = old.revision
  and (new.indexed_at is null and old.indexed_at is not null or new.vector_ids <> old.vector_ids)
)
execute function vectors_new_revision();
--> statement-breakpoint
create or replace trigger vectors_wait_after_insert after insert on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
--> statement-breakpoint
create or replace trigger vectors_wait_after_update after update on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
`,
    down: `-- Afterwards writers no longer wait for a purge, and the ids of pages that are deleted or recorded again are lost.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
drop trigger if exists vectors_wait_after_update on vectors;
--> statement-breakpoint
drop trigger if exists vectors_wait_after_insert on vectors;
--> statement-breakpoint
drop trigger if exists vectors_new_revision on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_truncated on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_replaced on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_deleted on vectors;
--> statement-breakpoint
drop function if exists vectors_wait_for_purge();
--> statement-breakpoint
drop function if exists vectors_purge_lock_key(integer);
--> statement-breakpoint
drop function if exists vectors_new_revision();
--> statement-breakpoint
drop function if exists vectors_queue_truncated();
--> statement-breakpoint
drop function if exists vectors_queue_replaced();
--> statement-breakpoint
drop function if exists vectors_queue_deleted();
--> statement-breakpoint
drop function if exists vectors_count_ids(jsonb);
`,
  },
];

export const embeddedSchema = `-- column vector_orphans.id
bigint not null default nextval('vector_orphans_id_seq'::regclass)

-- column vector_orphans.doc_id
integer

-- column vector_orphans.page
integer

-- column vector_orphans.vector_ids
jsonb not null storage external

-- column vector_orphans.vector_count
integer not null

-- column vector_orphans.namespace
text

-- column vector_orphans.orphaned_at
timestamp with time zone not null default now()

-- column vector_orphans.attempts
integer not null default 0

-- column vector_orphans.tried_at
timestamp with time zone

-- column vector_orphans.due_at
timestamp with time zone not null default now()

-- column vectors.id
integer not null default nextval('vectors_id_seq'::regclass)

-- column vectors.doc_id
integer not null

-- column vectors.page
integer not null

-- column vectors.vector_ids
jsonb not null

-- column vectors.grid
jsonb

-- column vectors.namespace
text

-- column vectors.recorded_at
timestamp with time zone not null default now()

-- column vectors.indexed_at
timestamp with time zone default now()

-- column vectors.revision
integer not null default 1

-- constraint vector_orphans_pkey
vector_orphans: PRIMARY KEY (id)

-- constraint vector_orphans_vector_ids_check
vector_orphans: CHECK (((((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text)) AND (vector_ids @? 'strict $[0]?(((@."from" == "000" && @."count" >= 1) && @."count" <= 4096) && @."count" % 1 == 0)'::jsonpath)) IS TRUE) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND ((NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath)) OR vectors_ids_are_valid(vector_ids)))))

-- constraint vectors_doc_id_fkey
vectors: FOREIGN KEY (doc_id) REFERENCES documents(id) ON DELETE CASCADE

-- constraint vectors_grid_check
vectors: CHECK (((grid IS NULL) OR ((grid @? 'strict $?(((((@."cols" >= 1 && @."rows" >= 1) && @."start" >= 0) && @."cols" % 1 == 0) && @."rows" % 1 == 0) && @."start" % 1 == 0)'::jsonpath) IS TRUE)))

-- constraint vectors_page_check
vectors: CHECK ((page > 0))

-- constraint vectors_pkey
vectors: PRIMARY KEY (id)

-- constraint vectors_vector_ids_check
vectors: CHECK ((((((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text)) AND (vector_ids @? 'strict $[0]?(((@."from" == "000" && @."count" >= 1) && @."count" <= 4096) && @."count" % 1 == 0)'::jsonpath)) IS TRUE) OR ((jsonb_typeof(vector_ids) = 'array'::text) AND ((NOT (vector_ids @? 'strict $[*]?(@.type() != "string")'::jsonpath)) OR vectors_ids_are_valid(vector_ids)))) AND (((vector_ids)::text !~ '[A-F]'::text) OR vectors_ids_have_one_case(vector_ids))))

-- index ix_vector_orphans_doc_page
CREATE INDEX ix_vector_orphans_doc_page ON vector_orphans USING btree (doc_id, page)

-- index ix_vector_orphans_due
CREATE INDEX ix_vector_orphans_due ON vector_orphans USING btree (due_at, id)

-- index vector_orphans_pkey
CREATE UNIQUE INDEX vector_orphans_pkey ON vector_orphans USING btree (id)

-- index ix_vectors_doc_id
CREATE INDEX ix_vectors_doc_id ON vectors USING btree (doc_id)

-- index ix_vectors_doc_page
CREATE UNIQUE INDEX ix_vectors_doc_page ON vectors USING btree (doc_id, page)

-- index ix_vectors_pending
CREATE INDEX ix_vectors_pending ON vectors USING btree (doc_id, page) WHERE (indexed_at IS NULL)

-- index ix_vectors_vector_ids
CREATE INDEX ix_vectors_vector_ids ON vectors USING gin (vector_ids jsonb_path_ops) WITH (fastupdate=off) WHERE (((doc_id > 0) AND ((vector_ids -> 1) IS NULL) AND (((vector_ids -> 0) -> 'radix'::text) = '16'::jsonb) AND (((vector_ids -> 0) ->> 'prefix'::text) = ((((((((lpad(to_hex(doc_id), 8, '0'::text) || '-'::text) || substr(lpad(to_hex(page), 8, '0'::text), 2, 4)) || '-8'::text) || substr(lpad(to_hex(page), 8, '0'::text), 6)) || '-800'::text) || "left"(lpad(to_hex(page), 8, '0'::text), 1)) || '-'::text) || '000000000'::text))) IS NOT TRUE)

-- index vectors_pkey
CREATE UNIQUE INDEX vectors_pkey ON vectors USING btree (id)

-- trigger vectors_new_revision
CREATE TRIGGER vectors_new_revision BEFORE UPDATE OF vector_ids, indexed_at ON vectors FOR EACH ROW WHEN (((new.revision = old.revision) AND (((new.indexed_at IS NULL) AND (old.indexed_at IS NOT NULL)) OR (new.vector_ids <> old.vector_ids)))) EXECUTE FUNCTION vectors_new_revision()

-- trigger vectors_queue_deleted
CREATE TRIGGER vectors_queue_deleted AFTER DELETE ON vectors REFERENCING OLD TABLE AS deleted FOR EACH STATEMENT EXECUTE FUNCTION vectors_queue_deleted()

-- trigger vectors_queue_replaced
CREATE TRIGGER vectors_queue_replaced AFTER UPDATE OF vector_ids ON vectors FOR EACH ROW WHEN (((old.vector_ids <> '[]'::jsonb) AND (old.vector_ids <> new.vector_ids))) EXECUTE FUNCTION vectors_queue_replaced()

-- trigger vectors_queue_truncated
CREATE TRIGGER vectors_queue_truncated BEFORE TRUNCATE ON vectors FOR EACH STATEMENT EXECUTE FUNCTION vectors_queue_truncated()

-- trigger vectors_wait_after_insert
CREATE TRIGGER vectors_wait_after_insert AFTER INSERT ON vectors REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION vectors_wait_for_purge()

-- trigger vectors_wait_after_update
CREATE TRIGGER vectors_wait_after_update AFTER UPDATE ON vectors REFERENCING NEW TABLE AS written FOR EACH STATEMENT EXECUTE FUNCTION vectors_wait_for_purge()

-- function vectors_count_ids
CREATE OR REPLACE FUNCTION ledger.vectors_count_ids(vector_ids jsonb)
 RETURNS TABLE(vector_count integer)
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT
         CASE
             WHEN (vector_ids @> '[{}]'::jsonb) THEN ( SELECT (sum(COALESCE(((element.value ->> 'count'::text))::numeric, (1)::numeric)))::integer AS sum
                FROM jsonb_array_elements(vectors_count_ids.vector_ids) element(value))
             ELSE jsonb_array_length(vector_ids)
         END AS jsonb_array_length;
END

-- function vectors_expand_ids
CREATE OR REPLACE FUNCTION ledger.vectors_expand_ids(vector_ids jsonb)
 RETURNS TABLE(patch integer, vector_id text)
 LANGUAGE sql
 IMMUTABLE
BEGIN ATOMIC
 SELECT ((row_number() OVER (ORDER BY element."position", tail.value) - 1))::integer AS int4,
         CASE
             WHEN (run.count IS NULL) THEN (element.value #>> '{}'::text[])
             ELSE (run.prefix || lpad(digits.value, GREATEST(length(run.from_tail), length(digits.value)), '0'::text))
         END AS "case"
    FROM ((((jsonb_array_elements(vectors_expand_ids.vector_ids) WITH ORDINALITY element(value, "position")
      CROSS JOIN LATERAL ( SELECT (element.value ->> 'prefix'::text) AS prefix,
             (element.value ->> 'from'::text) AS from_tail,
             (((element.value ->> 'count'::text))::numeric)::integer AS count,
             ((element.value -> 'radix'::text) = '16'::jsonb) AS hexadecimal) run)
      CROSS JOIN LATERAL ( SELECT
                 CASE
                     WHEN run.hexadecimal THEN ((('x'::text || lpad(run.from_tail, 8, '0'::text)))::bit(32))::integer
                     ELSE (run.from_tail)::integer
                 END AS value) first)
      CROSS JOIN LATERAL generate_series(COALESCE(first.value, 0), COALESCE(((first.value + run.count) - 1), 0)) tail(value))
      CROSS JOIN LATERAL ( SELECT
                 CASE
                     WHEN run.hexadecimal THEN to_hex(tail.value)
                     ELSE (tail.value)::text
                 END AS value) digits);
END

-- function vectors_holding
CREATE OR REPLACE FUNCTION ledger.vectors_holding(elements jsonb)
 RETURNS TABLE(element jsonb, doc_id integer, page integer)
 LANGUAGE plpgsql
 STABLE ROWS 100
 SET search_path TO 'pg_catalog', 'pg_temp'
 SET jit TO 'off'
 SET enable_seqscan TO 'off'
AS $function$
#variable_conflict use_column
begin
  return query
  select wanted.element, holding.doc_id, holding.page
  from jsonb_array_elements(elements) as wanted (element)
  -- \`offset 0\` searches the index once per key. Without it, PostgreSQL scans the table for a few keys, and
  -- \`@> any (array)\` would compare every key with every row that it finds.
  cross join lateral (
    select doc_id, page
    from ledger.vectors
    where vector_ids @> jsonb_build_array(wanted.element)
      -- Exactly the condition of the index, so that PostgreSQL uses it.
      and (doc_id > 0 and vector_ids -> 1 is null and vector_ids -> 0 -> 'radix'::text = '16'
        and vector_ids -> 0 ->> 'prefix'::text = lpad(to_hex(doc_id), 8, '0') || '-'
          || substr(lpad(to_hex(page), 8, '0'), 2, 4) || '-8' || substr(lpad(to_hex(page), 8, '0'), 6)
          || '-800' || left(lpad(to_hex(page), 8, '0'), 1) || '-' || '000000000') is not true
    offset 0
  ) as holding;
end $function$

-- function vectors_ids_are_valid
CREATE OR REPLACE FUNCTION ledger.vectors_ids_are_valid(vector_ids jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- Removing every invalid element must leave the array unchanged.
  return jsonb_path_query_array(vector_ids, '$[*] ? (@.type() == "string" || (
      @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
      && @.count >= 1 && @.count % 1 == 0
      && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
           && @.from.double() + @.count <= 10000)
          || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
              && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))')
      = vector_ids
    and not (vector_ids @> '[{"radix": 16}]' and exists (
      select from jsonb_array_elements(vector_ids) as run
      where run -> 'radix' = '16'
        and ('x' || lpad(run ->> 'from', 8, '0'))::bit(32)::integer + (run ->> 'count')::numeric > 4096
    ));
end $function$

-- function vectors_ids_have_one_case
CREATE OR REPLACE FUNCTION ledger.vectors_ids_have_one_case(vector_ids jsonb)
 RETURNS boolean
 LANGUAGE plpgsql
 IMMUTABLE
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  return not exists (
    select from jsonb_array_elements(vector_ids) as element
    cross join lateral (
      select coalesce(element ->> 'prefix', element #>> '{}') || coalesce(element ->> 'from', '') as id
    ) as first
    where id ~ '^([0-9a-fA-F]{32}|[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})$'
      and id <> lower(id) and id <> upper(id)
  );
end $function$

-- function vectors_new_revision
CREATE OR REPLACE FUNCTION ledger.vectors_new_revision()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  new.revision := old.revision + 1;
  new.recorded_at := clock_timestamp();
  return new;
end $function$

-- function vectors_purge_lock_key
CREATE OR REPLACE FUNCTION ledger.vectors_purge_lock_key(doc_id integer)
 RETURNS bigint
 LANGUAGE sql
 IMMUTABLE
RETURN (((1668246639)::bigint << 32) + (doc_id & 63))

-- function vectors_queue_deleted
CREATE OR REPLACE FUNCTION ledger.vectors_queue_deleted()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select doc_id, page, vector_ids, vector_count, namespace
  from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
  where vector_ids <> '[]';
  return null;
end $function$

-- function vectors_queue_replaced
CREATE OR REPLACE FUNCTION ledger.vectors_queue_replaced()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select old.doc_id, old.page, old.vector_ids, vector_count, old.namespace
  from ledger.vectors_count_ids(old.vector_ids);
  return null;
end $function$

-- function vectors_queue_truncated
CREATE OR REPLACE FUNCTION ledger.vectors_queue_truncated()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  -- TRUNCATE also removes rows that an older snapshot does not show, and those would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = 'vectors can only be truncated at isolation level read committed';
  end if;
  -- \`only\` the truncated table, because each partition has its own trigger.
  execute $insert$
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from only $insert$ || tg_relid::regclass::text || $insert$
    cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'$insert$;
  return null;
end $function$

-- function vectors_wait_for_purge
CREATE OR REPLACE FUNCTION ledger.vectors_wait_for_purge()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO 'pg_catalog', 'pg_temp'
AS $function$
begin
  perform pg_advisory_xact_lock_shared(lock.key)
  from (select distinct ledger.vectors_purge_lock_key(doc_id) as key from written order by 1) as lock;
  return null;
end $function$

-- view vector_patches
SELECT v.doc_id,
    v.page,
    expanded.patch,
    expanded.vector_id
   FROM (vectors v
     CROSS JOIN LATERAL vectors_expand_ids(v.vector_ids) expanded(patch, vector_id));
`;
