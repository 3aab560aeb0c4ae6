-- Converts vector_ids back to TEXT: a JSON list that the original's json.loads can read.
-- Lost: grids, namespaces, which pages are pending, and when each page was recorded and indexed. Warns about the
-- first three. Also works if somebody dropped vectors or vector_orphans.

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

  -- The rows of vector_orphans are recorded nowhere else, so this table stays while it has rows. If the ledger is migrated
  -- again, it uses the table.
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
  -- rollback() reads the warnings from this setting, because not every driver passes warnings on.
  perform set_config('colpali_vectors.warnings', array_to_string(warnings, E'\n'), true);
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
drop function if exists vectors_index_keys(jsonb);
--> statement-breakpoint
drop function if exists vectors_index_keys_of_many(jsonb);
--> statement-breakpoint
drop function if exists vectors_index_key(text);
--> statement-breakpoint
-- If vector_orphans stays, its check still uses these functions.
do $$
begin
  if to_regclass('vector_orphans') is null then
    drop function if exists vectors_ids_are_valid(jsonb);
    drop function if exists vectors_has_own_ids(integer, integer, jsonb);
    drop function if exists vectors_patch_id_head(integer, integer);
  end if;
end $$;
