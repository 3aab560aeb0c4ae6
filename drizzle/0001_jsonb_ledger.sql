-- Converts vector_ids to JSONB, allows each page of a document only once, and makes ids searchable.
-- Takes over the rows of the original table, or stops without changing anything.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The functions that the checks use. In these statements `ledger.` stands for the schema of the ledger, which is
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
  if ltrim(vector_ids, E' \t\r\n') like '[%' then
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
  elsif btrim(vector_ids, E' \t\r\n') = '' then
    ids := '[]';
  else
    select jsonb_agg(btrim(piece.id, E' \t\r\n') order by piece.position)
    into ids
    from string_to_table(vector_ids, ',') with ordinality as piece (id, position)
    -- Quotes, brackets and inner spaces mean that this is some other notation. An empty piece, null or
    -- None means that an id was lost.
    having bool_and(
      btrim(piece.id, E' \t\r\n') ~ '^[^[:space:]"''\[\]{}()]+$'
      and btrim(piece.id, E' \t\r\n') not in ('null', 'None')
    );
  end if;
  return case when vectors_ids_have_one_case(ids) then ids end;
exception when data_exception or program_limit_exceeded then
  return null;
end $$;
--> statement-breakpoint
do $$
declare
  total bigint;
  unreadable bigint;
  unreadable_rows text;
  printed_by_python boolean;
  below_one bigint;
  below_one_rows text;
  doubled bigint;
begin
  -- This migration adds the constraint last. If it exists, the rows have been converted.
  if exists (
    select from pg_constraint
    where conrelid = 'vectors'::regclass and conname = 'vectors_vector_ids_check'
  ) then
    return;
  end if;

  lock table vectors in access exclusive mode;

  with problem as (
    select id,
      page < 1 as is_below_one,
      vectors_legacy_ids(vector_ids::text) is null as is_unreadable,
      vector_ids::text like '[''%' as is_printed_by_python
    from vectors
  ), ranked as (
    select *,
      row_number() over (partition by is_below_one order by id) as below_one_rank,
      row_number() over (partition by is_unreadable order by id) as unreadable_rank
    from problem
  )
  select count(*),
    count(*) filter (where is_unreadable),
    string_agg(id::text, ', ' order by id) filter (where is_unreadable and unreadable_rank <= 10),
    bool_or(is_printed_by_python),
    count(*) filter (where is_below_one),
    string_agg(id::text, ', ' order by id) filter (where is_below_one and below_one_rank <= 10)
  into total, unreadable, unreadable_rows, printed_by_python, below_one, below_one_rows
  from ranked;

  if unreadable + below_one > 0 then
    raise exception using
      errcode = 'check_violation',
      message = format('cannot convert some of the %s rows of vectors: ', total) || concat_ws('; ',
        case when below_one > 0 then
          format('%s with a page below 1 (id %s)', below_one,
            below_one_rows || case when below_one > 10 then ', ...' else '' end) end,
        case when unreadable > 0 then
          format('%s with vector_ids that are not a list of ids (id %s)', unreadable,
            unreadable_rows || case when unreadable > 10 then ', ...' else '' end) end),
      hint = concat_ws(' ',
        case when below_one > 0 then
          'Pages count from 1. If your pipeline counted from 0, run: update vectors set page = page + 1;' end,
        case when unreadable > 0 then
          'vector_ids must be a JSON array of strings or integers, or ids separated by commas; a UUID must not mix upper and lower case. Fix or delete these rows.' end,
        case when printed_by_python then
          'To convert lists that Python printed, run: '
          'update vectors set vector_ids = replace(vector_ids, '''''''', ''"'') where vector_ids like ''[''''%'';' end);
  end if;

  -- If a page has several rows, keep the newest and queue the ids of the others.
  with dropped as (
    delete from vectors older
    using vectors newer
    where older.doc_id = newer.doc_id and older.page = newer.page and older.id < newer.id
    returning older.id, older.doc_id, older.page, vectors_legacy_ids(older.vector_ids::text) as vector_ids
  ), queued as (
    insert into vector_orphans (doc_id, page, vector_ids, vector_count)
    select doc_id, page, vector_ids, jsonb_array_length(vector_ids)
    from dropped where vector_ids <> '[]' order by id
  )
  select count(*) into doubled from dropped;
  if doubled > 0 then
    raise warning 'older rows deleted because their page has a newer row: %; their ids wait in vector_orphans', doubled;
  end if;

  -- A table that was not made by Alembic may lack a NOT NULL or have a default that is not JSON.
  alter table vectors
    alter column doc_id set not null,
    alter column page set not null,
    alter column vector_ids set not null,
    alter column vector_ids drop default,
    alter column vector_ids set data type jsonb using vectors_legacy_ids(vector_ids::text);
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
-- The functions that read ids. `ledger.` stands for the schema of the ledger, as above.
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
  -- `offset 0` searches the index once per key. Without it, PostgreSQL scans the table for a few keys, and
  -- `@> any (array)` would compare every key with every row that it finds.
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
