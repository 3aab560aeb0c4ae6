-- Queues the ids of pages that are deleted or recorded again, numbers the recordings of a page, and makes writers
-- and purges wait for each other. The queueing functions run as their owner, so that they also work for a role that
-- may write to vectors but not to the queue.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- `ledger.` stands for the schema of the ledger, which is the current schema. PostgreSQL looks up all other names in
-- pg_catalog only, both now and when the functions run, because other schemas of the search_path may contain
-- functions and operators of other roles.
do $do$
declare
  ledger text := quote_ident(current_schema()::text) || '.';
  search_path_before text := current_setting('search_path');
begin
  perform set_config('search_path', 'pg_catalog, pg_temp', true);
  execute replace($functions$
-- Counts the ids of a stored array. Returns a table, so that PostgreSQL inlines the function into the queries below.
create or replace function ledger.vectors_count_ids(vector_ids jsonb) returns table (vector_count integer)
language sql immutable
begin atomic
  select case
    when vector_ids @> '[{}]' then (
      select sum(case
        when element -> 'count'::text is not null then (element ->> 'count'::text)::numeric
        -- A pack: base64 has four characters for three bytes, and 16 bytes are one id. At most two bytes are padding.
        when element -> 'uuids'::text is not null then octet_length(element ->> 'uuids'::text) * 3 / 4 / 16
        else 1
      end)::integer
      from jsonb_array_elements(vector_ids) as element
    )
    -- Without runs and packs, each element is an id.
    else jsonb_array_length(vector_ids)
  end;
end;

-- Queues the ids of deleted pages, in the transaction that deletes them. A statement trigger, because a row
-- trigger takes two to three times as long for a document of patch ids.
create or replace function ledger.vectors_queue_deleted() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  gone record;
begin
  if current_setting('citus.version', true) is null then
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]';
    return null;
  end if;
  -- On Citus, a trigger on a shard can insert only one row per statement, only for the document of the deleted page, and
  -- the insert cannot select from `deleted`.
  for gone in
    select doc_id, page, vector_ids, vector_count, namespace
    from deleted cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'
  loop
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    values (gone.doc_id, gone.page, gone.vector_ids, gone.vector_count, gone.namespace);
  end loop;
  return null;
end $$;

-- Queues the ids that a page had before it was recorded again. A row trigger, because only a row trigger can
-- ignore updates that do not set vector_ids. A statement trigger would read and compare 40 KB per page.
create or replace function ledger.vectors_queue_replaced() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
  select old.doc_id, old.page, old.vector_ids, vector_count, old.namespace
  from ledger.vectors_count_ids(old.vector_ids);
  return new;
end $$;

-- Queues the ids of a truncated table, because TRUNCATE does not fire the triggers of DELETE.
-- With `row_security = off`, it fails if a policy hides rows from the owner. Otherwise their ids would be lost.
create or replace function ledger.vectors_queue_truncated() returns trigger
language plpgsql security definer set search_path = pg_catalog, pg_temp set row_security = off as $$
begin
  -- TRUNCATE also removes rows that this transaction's snapshot may not show. Their ids would be lost.
  if current_setting('transaction_isolation') <> 'read committed' then
    raise exception using
      errcode = 'feature_not_supported',
      message = format('%s can only be truncated at isolation level read committed', tg_table_name);
  end if;
  -- `only` the truncated table, because each partition has its own trigger.
  execute $insert$
    insert into ledger.vector_orphans (doc_id, page, vector_ids, vector_count, namespace)
    select doc_id, page, vector_ids, vector_count, namespace
    from only $insert$ || tg_relid::regclass::text || $insert$
    cross join lateral ledger.vectors_count_ids(vector_ids)
    where vector_ids <> '[]'$insert$;
  return null;
end $$;

-- Gives a page a new revision if a host's own SQL sets its ids or makes it pending. An ingest that is under way then
-- cannot mark the page as indexed. The repository sets the revision itself.
create or replace function ledger.vectors_new_revision() returns trigger
language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
  new.revision := old.revision + 1;
  new.recorded_at := clock_timestamp();
  return new;
end $$;

-- The key of a document's advisory lock. Writers of its pages take the lock in shared mode, a purge takes it in
-- exclusive mode. Writers cannot lock the purge's rows of vector_orphans instead, because their snapshot may not show
-- them. All documents share 64 keys, so that a transaction on many documents needs few entries in the server's lock
-- table.
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
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- Only the owner may execute the trigger functions: another role could attach them to a table of its own and
-- queue any ids. Triggers fire without the privilege. Default privileges may have granted it to any role.
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
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_queue_deleted after delete on vectors
referencing old table as deleted
for each statement execute function vectors_queue_deleted();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_queue_replaced after update of vector_ids on vectors
for each row when (old.doc_id = new.doc_id and old.vector_ids <> '[]' and old.vector_ids <> new.vector_ids)
execute function vectors_queue_replaced();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
-- A page that moves to a document of another partition is deleted and inserted, so no AFTER UPDATE trigger fires.
create or replace trigger vectors_queue_moved before update of doc_id on vectors
for each row when (old.doc_id <> new.doc_id and old.vector_ids <> '[]' and old.vector_ids <> new.vector_ids)
execute function vectors_queue_replaced();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_queue_truncated before truncate on vectors
for each statement execute function vectors_queue_truncated();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_new_revision before update of vector_ids, indexed_at on vectors
for each row when (
  new.revision = old.revision
  and (new.indexed_at is null and old.indexed_at is not null or new.vector_ids <> old.vector_ids)
)
execute function vectors_new_revision();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_wait_after_insert after insert on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
--> statement-breakpoint
-- Every ledger has this, see src/migrations/ledger-sql.ts.
create or replace trigger vectors_wait_after_update after update on vectors
referencing new table as written
for each statement execute function vectors_wait_for_purge();
