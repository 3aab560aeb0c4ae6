-- Nothing that leaves `vectors` is lost track of, whoever deletes it: the functions run as their owner,
-- so that a role with rights on `vectors` alone queues its orphans as well.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- What `set search_path from current` keeps for the functions: with the temporary schema last, which
-- otherwise comes first, for anyone to put a table of their own in the place of ours.
select set_config('search_path', current_setting('search_path') || ', pg_temp', true);
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
  -- TRUNCATE takes rows that an older snapshot does not show.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = 'vectors can be truncated at isolation level read committed only';
  end if;
  insert into vector_orphans (doc_id, page, vector_ids)
  select doc_id, page, vector_ids from vectors where vector_ids <> '[]';
  return null;
end $$;
--> statement-breakpoint
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_truncated();
--> statement-breakpoint
-- A write of a page waits for a purge in flight of the same document: after that the old vectors are
-- either gone from the store or spared, never deleted behind the writer's back. A lock rather than the
-- orphans' rows: those that a purge holds may not be visible to the writer's snapshot.
-- Lock 0 is for ids whose document is not known: every writer takes it. The others share 1023 locks, so
-- that a transaction on any number of documents fits the lock table. See src/purge-lock.ts.
create or replace function vectors_wait_for_purge() returns trigger
language plpgsql as $$
begin
  perform pg_advisory_xact_lock_shared(1668246639, 0);
  perform pg_advisory_xact_lock_shared(1668246639, lock)
  from (select distinct 1 + mod(abs(doc_id::bigint), 1023)::integer as lock from written order by 1) as locks;
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
