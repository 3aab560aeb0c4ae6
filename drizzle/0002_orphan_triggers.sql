-- Nothing that leaves `vectors` is lost track of, whoever deletes it: the functions run as their owner,
-- so that a role with rights on `vectors` alone queues its orphans as well.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The ids of deleted pages wait in vector_orphans, in the transaction that deleted them. One statement
-- for all of them: a row at a time takes two to three times as long for a document of computed ids.
create or replace function vectors_queue_deleted() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  insert into vector_orphans (doc_id, page, vector_ids)
  select doc_id, page, vector_ids from deleted where vector_ids <> '[]';
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_deleted after delete on vectors
referencing old table as deleted
for each statement execute function vectors_queue_deleted();
--> statement-breakpoint
-- The ids that a page had before it was recorded anew. A row at a time: only a row trigger can be told
-- to leave alone the updates that do not name vector_ids, and need not read 40 KB a page to compare it.
create or replace function vectors_queue_replaced() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  insert into vector_orphans (doc_id, page, vector_ids)
  values (old.doc_id, old.page, old.vector_ids);
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_replaced after update of vector_ids on vectors
for each row when (old.vector_ids <> '[]' and old.vector_ids <> new.vector_ids)
execute function vectors_queue_replaced();
--> statement-breakpoint
-- TRUNCATE fires no trigger of DELETE.
create or replace function vectors_queue_truncated() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  insert into vector_orphans (doc_id, page, vector_ids)
  select doc_id, page, vector_ids from vectors where vector_ids <> '[]';
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_truncated();
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
