-- Converts vector_ids to JSONB, allows each page of a document only once, and makes ids searchable.
-- Takes over the rows of the original table, or stops without changing anything.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- The functions that the checks use. In these statements `ledger.` stands for the schema of the ledger, which is
-- the current schema. PostgreSQL looks up all other names in pg_catalog only, both now and when the functions run,
-- because other schemas of the search_path may contain functions and operators of other roles.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$

-- What all patch ids of a page begin with: 00000007-0000-8003-8000- for document 7, page 3.
create or replace function ledger.vectors_patch_id_head(doc_id integer, page integer) returns text
language sql immutable
return lpad(to_hex(doc_id), 8, '0') || '-' || substr(lpad(to_hex(page), 8, '0'), 2, 4)
  || '-8' || substr(lpad(to_hex(page), 8, '0'), 6) || '-800' || left(lpad(to_hex(page), 8, '0'), 1) || '-';

-- Whether all ids of the page are its own patch ids, stored as runs that each begin at 000. Such a page is not in the
-- index on ids, because its ids name it. Never null, even if the run lacks a field. This function and
-- vectors_patch_id_head have no SET and no subquery, so that PostgreSQL inlines them. In jsonpath,
-- `(exists (@.uuids)) is unknown` means that there is no such field.
create or replace function ledger.vectors_has_own_ids(doc_id integer, page integer, vector_ids jsonb) returns boolean
language sql immutable
return case
  when vector_ids -> 0 ->> 'from'::text is distinct from '000' then false
  -- A page of up to 4096 patches has one run. For it, the general case below would take five times as long.
  when vector_ids -> 1 is null then (doc_id > 0 and vector_ids -> 0 -> 'radix'::text = '16'
    and vector_ids -> 0 ->> 'prefix'::text = ledger.vectors_patch_id_head(doc_id, page) || '000000000'
    and vector_ids @? 'strict $[0] ? (@.count >= 1 && @.count <= 4096 && @.count % 1 == 0
      && (exists (@.uuids)) is unknown)'::jsonpath) is true
  else doc_id > 0 and vector_ids = jsonb_path_query_array(
    vector_ids,
    'strict $[*] ? (@.radix == 16 && @.from == "000" && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0
      && @.prefix starts with $head && @.prefix like_regex "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-00000000[0-7]$"
      && (exists (@.uuids)) is unknown)'::jsonpath,
    -- Not jsonb_build_object, which is only stable: PostgreSQL would not inline this function.
    ('{"head": "' || ledger.vectors_patch_id_head(doc_id, page) || '"}')::jsonb,
    true
  )
end;

-- Whether vector_ids is a JSON array of ids, runs and packs that the decoder can read. The last number of a run is at
-- most 9999, or fff if the run is hexadecimal.
create or replace function ledger.vectors_ids_are_valid(vector_ids jsonb) returns boolean
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
declare
  pack text;
  bytes integer;
  last_four text;
begin
  if jsonb_typeof(vector_ids) <> 'array' then
    return false;
  end if;
  if not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath then
    return true;
  end if;
  -- The query keeps only the valid elements. If its result differs, an element is invalid. In lax mode, a comparison with
  -- a field that contains an array looks at the elements of that array. So the query also checks the type of each field.
  if jsonb_path_query_array(vector_ids, '$[*] ? (@.type() == "string"
      || (@.type() == "object" && @.uuids.type() == "string" && !exists (@.prefix)
        && !exists (@.count) && (!exists (@.dashes) || (@.dashes.type() == "boolean" && @.dashes == false)))
      || (!exists (@.uuids) && @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
      && @.count >= 1 && @.count % 1 == 0 && (!exists (@.radix) || @.radix.type() == "number")
      && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
           && @.from.double() + @.count <= 10000)
          || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
              && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))')
      <> vector_ids
    or vector_ids @> '[{"radix": 16}]' and exists (
      select from jsonb_array_elements(vector_ids) as run
      where run -> 'radix'::text = '16'
        and ('x' || lpad(run ->> 'from'::text, 8, '0'))::bit(32)::integer + (run ->> 'count'::text)::numeric > 4096
    )
  then
    return false;
  end if;
  for pack in
    select element ->> 'uuids'::text from jsonb_array_elements(vector_ids) as element
    where element -> 'uuids'::text is not null
  loop
    bytes := octet_length(decode(pack, 'base64'));
    -- Must be base64 of 16 bytes per id, as the encoder writes it. decode() skips white space, so the length is checked.
    -- length() and right() would count characters, which takes several times as long as everything else here.
    if bytes = 0 or bytes % 16 <> 0 or octet_length(pack) <> (bytes + 2) / 3 * 4 then
      return false;
    end if;
    -- decode() ignores the unused bits of the last four characters.
    last_four := convert_from(substr(convert_to(pack, 'UTF8'), octet_length(pack) - 3), 'UTF8');
    if encode(decode(last_four, 'base64'), 'base64') <> last_four then
      return false;
    end if;
  end loop;
  return true;
exception when invalid_parameter_value then
  return false; -- decode() rejects it.
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
	"due_at" timestamp with time zone DEFAULT now() NOT NULL
);
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
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
      return ids; -- Most rows are like this.
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
    -- With quotes, brackets or spaces inside an id, the text is in another notation. An empty piece, null or
    -- None means that an id was lost.
    having bool_and(
      btrim(piece.id, E' \t\r\n') ~ '^[^[:space:]"''\[\]{}()]+$'
      and btrim(piece.id, E' \t\r\n') not in ('null', 'None')
    );
  end if;
  return ids;
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
  -- This migration adds the constraint after the conversion. If it exists, the rows have been converted.
  if exists (
    select from pg_constraint
    where conrelid = 'vectors'::regclass and conname = 'vectors_grid_check'
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
      'vector_ids must be a JSON array of strings or integers, or ids separated by commas. Fix or delete these rows.', id
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

  -- Without a foreign key, a document may be missing. Skipped if the role may not read all documents: the foreign key
  -- below then stops the migration.
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
        E'For pages that were recorded more than once, choose one:\n',
        E'- Keep the newest row, and let the next purge delete the vectors that only the older rows have: ',
        E'colpali-vectors migrate --duplicates keep-newest\n',
        E'- Keep the newest row, and leave the other vectors in the store: ', delete_older, E'\n',
        E'- Keep all ids, in the order of the rows: colpali-vectors migrate --duplicates merge\n',
        E'- Keep all ids with SQL of your own, if vector_ids is text and contains JSON: ',
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
      hint = array_to_string(hints, E'\n');
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
        'ids that only the older rows had are queued in vector_orphans', number)
    end;
    raise warning '%', warning;
    -- migrate() reads the warnings from this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  end if;
exception when others then
  -- Raised as a warning too, because drizzle-kit does not show the errors of a migration.
  get stacked diagnostics hint = pg_exception_hint;
  raise warning '%', sqlerrm || coalesce(E'\nHint: ' || nullif(hint, ''), '');
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
      -- Only a foreign key on this column: a column that the host added may also refer to documents.
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
ALTER TABLE "vectors" DROP CONSTRAINT IF EXISTS "vectors_page_check";--> statement-breakpoint
-- Validated at once: this transaction has already locked and rewritten the table.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE "vectors" ADD CONSTRAINT "vectors_page_check" CHECK ("vectors"."page" > 0);--> statement-breakpoint
ALTER TABLE "vectors" DROP CONSTRAINT IF EXISTS "vectors_grid_check";--> statement-breakpoint
-- Validated at once, as above.
-- squawk-ignore constraint-missing-not-valid
ALTER TABLE "vectors" ADD CONSTRAINT "vectors_grid_check" CHECK ("vectors"."grid" is null or ("vectors"."grid" @? 'strict $ ? (@.cols >= 1 && @.rows >= 1 && @.start >= 0
        && @.cols % 1 == 0 && @.rows % 1 == 0 && @.start % 1 == 0)'::jsonpath) is true);--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- The functions that read ids. `ledger.` stands for the schema of the ledger, as above.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$
-- Expands a page's ids: one row per id, with its position from 0. The function has no SET, so that PostgreSQL
-- inlines it into the view, and a condition on doc_id and page still reaches the table.
create or replace function ledger.vectors_expand_ids(vector_ids jsonb)
returns table (patch integer, vector_id text)
language sql immutable
begin atomic
  select (row_number() over (order by element.position, part.position) - 1)::integer, part.vector_id
  from jsonb_array_elements(vector_ids) with ordinality as element (value, position)
  cross join lateral (
    select 0 as position, element.value #>> '{}'::text[] as vector_id
    where jsonb_typeof(element.value) = 'string'
    union all
    -- A run. lpad cuts longer strings, so pad to the longer of the two lengths.
    select tail, run.prefix || lpad(digits, greatest(length(run.first), length(digits)), '0')
    from (
      select element.value ->> 'prefix'::text as prefix, element.value ->> 'from'::text as first,
        (element.value ->> 'count'::text)::numeric::integer as count,
        coalesce(element.value -> 'radix'::text = '16', false) as hexadecimal
      where element.value -> 'prefix'::text is not null
    ) as run
    cross join lateral (
      select case when hexadecimal then ('x' || lpad(run.first, 8, '0'))::bit(32)::integer else run.first::integer end
    ) as start (value)
    cross join lateral generate_series(start.value, start.value + run.count - 1) as tail
    cross join lateral (select case when hexadecimal then to_hex(tail) else tail::text end) as tails (digits)
    union all
    -- A pack of UUIDs.
    select number, case when has_dashes
      then concat_ws('-', substr(hex, 1, 8), substr(hex, 9, 4), substr(hex, 13, 4), substr(hex, 17, 4), substr(hex, 21))
      else hex end
    from (
      select decode(element.value ->> 'uuids'::text, 'base64') as bytes, not element.value ? 'dashes' as has_dashes
      where element.value -> 'uuids'::text is not null
      offset 0
    ) as pack
    cross join lateral generate_series(0, length(pack.bytes) / 16 - 1) as number
    cross join lateral (select encode(substr(pack.bytes, 16 * number + 1, 16), 'hex')) as uuids (hex)
  ) as part;
end;

-- The index key of an id, or of a run's prefix: a hash that is the same for all spellings of a UUID.
create or replace function ledger.vectors_index_key(text text) returns integer
language sql immutable
return hashtext(replace(lower(text collate "C"), '-', ''));

-- The index keys of several ids and runs, see vectors_index_keys.
create or replace function ledger.vectors_index_keys_of_many(vector_ids jsonb) returns integer[]
language plpgsql immutable set search_path = pg_catalog, pg_temp as $$
begin
  if not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath then
    return array(select ledger.vectors_index_key(id) from jsonb_array_elements_text(vector_ids) as id);
  end if;
  -- One query for all elements. Appending to an array in a loop would copy it each time.
  return array(
    -- Cuts bytes, because cutting text counts the characters from its beginning each time.
    select hashtext(encode(substr(bytes, 16 * number + 1, 16), 'hex'))
    from jsonb_array_elements(vector_ids) as element
    cross join lateral (select decode(element ->> 'uuids'::text, 'base64') as bytes offset 0) as pack
    cross join lateral generate_series(0, length(bytes) / 16 - 1) as number
    union all
    select ledger.vectors_index_key(coalesce(element ->> 'prefix'::text, element #>> '{}'::text[]))
    from jsonb_array_elements(vector_ids) as element
    where element -> 'uuids'::text is null
  );
end $$;

-- The index keys of a page: one per id and one per run. A page that has the key of an id may still not have the id.
-- PostgreSQL inlines this function. So a page with one id, which is the most common page, calls no plpgsql function.
create or replace function ledger.vectors_index_keys(vector_ids jsonb) returns integer[]
language sql immutable
return case
  when vector_ids -> 1 is null and jsonb_typeof(vector_ids -> 0) = 'string'
    then array[ledger.vectors_index_key(vector_ids ->> 0)]
  else ledger.vectors_index_keys_of_many(vector_ids)
end;

-- Finds the pages that may have one of the keys, through the index ix_vectors_vector_ids. A key is an id, or the prefix
-- of a run. The index does not contain pages that have only their own patch ids.
--
-- The settings are needed because PostgreSQL expects to find each key on a hundredth of all pages. It would compile
-- the query, which takes longer than running it. A session that planned the query while the table was small would
-- scan the whole table later.
create or replace function ledger.vectors_holding(keys jsonb)
returns table (key text, doc_id integer, page integer)
language plpgsql stable rows 100
set search_path = pg_catalog, pg_temp set jit = off set enable_seqscan = off as $$
#variable_conflict use_column
declare
  is_distributed boolean := false;
  batch text[];
  index_keys integer[];
begin
  -- In a statement of its own, because the table exists only with the extension.
  if to_regclass('pg_dist_partition') is not null then
    is_distributed := exists (
      select from pg_dist_partition join pg_type on typrelid = logicalrelid
      where pg_type.oid = pg_typeof(null::ledger.vectors)
    );
  end if;
  if is_distributed then
    -- Citus sends plain joins to the shards, but no subquery with `offset`. The index is searched for all keys of a batch
    -- at once. A search for more keys takes longer than several searches.
    for batch in
      select array_agg(value) from jsonb_array_elements_text(keys) with ordinality as wanted (value, n)
      group by n / 100
    loop
      index_keys := array(select ledger.vectors_index_key(value) from unnest(batch) as wanted (value));
      return query
      select distinct wanted.key, holding.doc_id, holding.page
      from ledger.vectors as holding
      cross join lateral unnest(ledger.vectors_index_keys(holding.vector_ids)) as own (index_key)
      join unnest(batch) as wanted (key) on ledger.vectors_index_key(wanted.key) = own.index_key
      where ledger.vectors_index_keys(holding.vector_ids) && index_keys
        and not ledger.vectors_has_own_ids(holding.doc_id, holding.page, holding.vector_ids);
    end loop;
    return;
  end if;
  return query
  select wanted.key, holding.doc_id, holding.page
  from jsonb_array_elements_text(keys) as wanted (key)
  -- `offset 0` makes PostgreSQL search the index once per key, so that each page comes with the key it has.
  cross join lateral (
    select doc_id, page
    from ledger.vectors
    where ledger.vectors_index_keys(vector_ids) && array[ledger.vectors_index_key(wanted.key)]
      -- The condition of the index.
      and not ledger.vectors_has_own_ids(doc_id, page, vector_ids)
    offset 0
  ) as holding;
end $$;
  $functions$, 'ledger.', ledger);
  perform set_config('search_path', search_path_before, true);
end $do$;
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create index if not exists ix_vectors_vector_ids on vectors
  -- fastupdate is off because its pending list would be read in full for every lookup.
  using gin (vectors_index_keys(vector_ids)) with (fastupdate = off)
  where not vectors_has_own_ids(doc_id, page, vector_ids);
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
alter table vectors drop constraint if exists vectors_vector_ids_check;
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- Nearly all pages meet one of the first two conditions, which call no function: PostgreSQL inlines has_own_ids. A call
-- per page would take as long as the rest of the insert.
-- Validated at once, as above.
-- squawk-ignore constraint-missing-not-valid
alter table vectors add constraint vectors_vector_ids_check check (
  vectors_has_own_ids(doc_id, page, vector_ids)
  or (jsonb_typeof(vector_ids) = 'array' and not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath)
  or vectors_ids_are_valid(vector_ids)
);
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
alter table vector_orphans drop constraint if exists vector_orphans_vector_ids_check;
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- squawk-ignore constraint-missing-not-valid
alter table vector_orphans add constraint vector_orphans_vector_ids_check check (
  vectors_has_own_ids(doc_id, page, vector_ids) is true
  or (jsonb_typeof(vector_ids) = 'array' and not vector_ids @? 'strict $[*] ? (@.type() != "string")'::jsonpath)
  or vectors_ids_are_valid(vector_ids)
);
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace view vector_patches as
select v.doc_id, v.page, expanded.patch, expanded.vector_id
from vectors v
cross join lateral vectors_expand_ids(v.vector_ids) as expanded;
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- The view shows a role only what the role may read in vectors. PostgreSQL 14 does not have the option.
do $$
begin
  if current_setting('server_version_num')::integer >= 150000 then
    alter view vector_patches set (security_invoker = true);
  end if;
end $$;
