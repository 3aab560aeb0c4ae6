-- Converts vector_ids back to TEXT: a JSON list that the original's json.loads can read.
-- Warns about everything that the original table cannot store.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
do $$
declare
  with_grid bigint;
  pending bigint;
  waiting bigint;
begin
  lock table vectors, vector_orphans in access exclusive mode;

  select count(*) filter (where grid is not null), count(*) filter (where indexed_at is null)
  into with_grid, pending
  from vectors;
  if with_grid > 0 then
    raise warning 'pages that lose their grid: %', with_grid;
  end if;
  if pending > 0 then
    raise warning 'pages that are no longer marked as pending: %', pending;
  end if;

  -- Nothing else knows these vectors, so the table stays while it has rows. Migrating again reuses it.
  select count(*) into waiting from vector_orphans;
  if waiting > 0 then
    raise warning 'rows that still wait in vector_orphans for a purge: %; the table stays', waiting;
  else
    drop table vector_orphans;
  end if;
end $$;
--> statement-breakpoint
drop view if exists vector_patches;
--> statement-breakpoint
drop function if exists vectors_holding(jsonb);
--> statement-breakpoint
alter table vectors drop constraint if exists vectors_vector_ids_check;
--> statement-breakpoint
alter table vectors drop constraint if exists vectors_page_check;
--> statement-breakpoint
alter table vectors drop constraint if exists vectors_grid_check;
--> statement-breakpoint
drop index if exists ix_vectors_vector_ids;
--> statement-breakpoint
drop index if exists ix_vectors_pending;
--> statement-breakpoint
drop index if exists ix_vectors_doc_page;
--> statement-breakpoint
-- Services that read the newer columns must be stopped first; the documentation of rollback says so.
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists indexed_at;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists revision;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists recorded_at;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists namespace;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists grid;
--> statement-breakpoint
-- Converts a page's ids to a JSON list without runs.
create or replace function vectors_plain_list(vector_ids jsonb) returns text
language sql immutable strict as $$
  select coalesce(jsonb_agg(vector_id order by patch), '[]')::text from vectors_expand_ids(vector_ids)
$$;
--> statement-breakpoint
-- The table is already locked, and only a rewrite restores the older type.
-- squawk-ignore changing-column-type
alter table vectors alter column vector_ids set data type text using vectors_plain_list(vector_ids);
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
