-- Queues the ids of pages that are deleted or recorded again, and keeps writers and purges apart.
-- The queueing functions run as their owner, so a role that may only write to vectors fills the queue too.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The functions keep this search_path (`set search_path from current`). The temporary schema comes last;
-- by default it comes first, and anyone could put a table of their own in the place of ours.
select set_config('search_path', current_setting('search_path') || ', pg_temp', true);
--> statement-breakpoint
-- Queues the ids of deleted pages, in the transaction that deletes them. A statement trigger, because a row
-- trigger takes two to three times as long for a document of patch ids.
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
-- Queues the ids that a page had before it was recorded again. A row trigger, because only a row trigger can
-- ignore updates that do not set vector_ids. It then never reads and compares 40 KB per page.
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
-- TRUNCATE does not fire the triggers of DELETE.
create or replace function vectors_queue_truncated() returns trigger
language plpgsql security definer set search_path from current as $$
begin
  -- TRUNCATE also removes rows that an older snapshot does not show, and those would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = 'vectors can only be truncated at isolation level read committed';
  end if;
  insert into vector_orphans (doc_id, page, vector_ids)
  select doc_id, page, vector_ids from vectors where vector_ids <> '[]';
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_truncated();
--> statement-breakpoint
-- The advisory lock of a document. Writers of its pages take it in shared mode, a purge takes it alone.
-- A lock instead of the rows in vector_orphans, because a writer's snapshot may not show the rows that a
-- purge holds. Key 0 is for ids whose document is unknown (document 0). All other documents share 1023
-- keys, so that a transaction on any number of documents fits into the server's lock table.
create or replace function vectors_purge_lock_key(doc_id integer) returns bigint
language sql immutable
-- The upper half is "colo" in ASCII.
return (1668246639::bigint << 32) + case when doc_id = 0 then 0 else 1 + mod(abs(doc_id::bigint), 1023) end;
--> statement-breakpoint
-- Makes a writer wait for a purge of the same document. When the writer continues, the purge has either
-- deleted the old vectors or spared them; it cannot delete the vectors that are written next.
create or replace function vectors_wait_for_purge() returns trigger
language plpgsql set search_path from current as $$
begin
  perform pg_advisory_xact_lock_shared(vectors_purge_lock_key(0));
  perform pg_advisory_xact_lock_shared(lock.key)
  from (select distinct vectors_purge_lock_key(doc_id) as key from written order by 1) as lock;
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
