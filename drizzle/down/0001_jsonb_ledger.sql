-- vector_ids becomes TEXT again, a JSON list that the original's json.loads reads.
-- What the original table has no place for is said in warnings before it goes.

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
    raise warning '% pages lose their grid', with_grid;
  end if;
  if pending > 0 then
    raise warning '% pages that are pending no longer say so', pending;
  end if;

  -- Nobody else knows these vectors: the table stays while it has rows, and the way up takes it again.
  select count(*) into waiting from vector_orphans;
  if waiting > 0 then
    raise warning '% rows wait in vector_orphans for a purge: the table stays', waiting;
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
drop index if exists ix_vectors_vector_ids;
--> statement-breakpoint
drop index if exists ix_vectors_doc_page;
--> statement-breakpoint
-- Services that read the newer columns must have stopped, as rollback's documentation says.
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists indexed_at;
--> statement-breakpoint
-- squawk-ignore ban-drop-column
alter table vectors drop column if exists grid;
--> statement-breakpoint
-- A page's ids as a JSON list, runs expanded.
create or replace function vectors_plain_list(vector_ids jsonb) returns text
language sql immutable strict as $$
  select coalesce(jsonb_agg(
    case
      when run.count is null then element.value #>> '{}'
      -- lpad cuts what is longer: pad to the longer of the two.
      else run.prefix || lpad(digits.value, greatest(length(run.from_tail), length(digits.value)), '0')
    end
    order by element.position, tail.value
  ), '[]')::text
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
  ) as digits
$$;
--> statement-breakpoint
-- The table is locked already; nothing but a rewrite gives the older type back.
-- squawk-ignore changing-column-type
alter table vectors alter column vector_ids set data type text using vectors_plain_list(vector_ids);
--> statement-breakpoint
drop function vectors_plain_list(jsonb);
