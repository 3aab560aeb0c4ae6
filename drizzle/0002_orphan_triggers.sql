-- Nothing that leaves `vectors` is lost track of, whoever deletes it: the functions run as their owner,
-- so that a role with rights on `vectors` alone queues its orphans as well.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The ids that a page no longer has wait in vector_orphans, in the transaction that took them away.
create or replace function vectors_queue_orphan() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  insert into vector_orphans (doc_id, page, vector_ids)
  values (old.doc_id, old.page, old.vector_ids);
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_deleted after delete on vectors
for each row when (old.vector_ids <> '[]')
execute function vectors_queue_orphan();
--> statement-breakpoint
create or replace trigger vectors_queue_replaced after update on vectors
for each row when (old.vector_ids <> '[]' and old.vector_ids <> new.vector_ids)
execute function vectors_queue_orphan();
--> statement-breakpoint
-- TRUNCATE fires no row trigger.
create or replace function vectors_queue_all_orphans() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  insert into vector_orphans (doc_id, page, vector_ids)
  select doc_id, page, vector_ids from vectors where vector_ids <> '[]';
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_all_orphans();
--> statement-breakpoint
-- A write of a page waits for a purge in flight of the same page: after that the old vectors are
-- either gone from the store or spared, never deleted behind the writer's back. Writers share the
-- lock among themselves. One statement for all pages written: a row trigger costs 30 % of the speed.
create or replace function vectors_wait_for_purge() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  perform from vector_orphans
  join written on written.doc_id = vector_orphans.doc_id and written.page = vector_orphans.page
  for key share of vector_orphans;
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_wait_after_insert after insert on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
--> statement-breakpoint
create or replace trigger vectors_wait_after_update after update on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
