-- The table that the original Alembic migration made. A database that has it already keeps it.

-- A busy table gives an error after five seconds instead of a queue of waiting queries.
select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The host's table, wherever the search_path finds it; made here only where there is none.
do $$
begin
  if to_regclass('documents') is null then
    CREATE TABLE "documents" (
	"id" serial PRIMARY KEY NOT NULL
    );
  elsif not exists (
    select from pg_attribute
    where attrelid = 'documents'::regclass and attname = 'id' and atttypid = 'integer'::regtype
  ) then
    raise exception using
      errcode = 'datatype_mismatch',
      message = 'documents has no column id of type integer',
      hint = 'The ledger refers to documents by documents (id), an integer.';
  end if;
end $$;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "vectors" (
	"id" serial PRIMARY KEY NOT NULL,
	"doc_id" integer NOT NULL,
	"page" integer NOT NULL,
	"vector_ids" text NOT NULL
);
--> statement-breakpoint
-- A legacy foreign key under another name, or that does something else than cascade, is replaced.
do $$
declare
  foreign_key record;
  is_there boolean := false;
begin
  for foreign_key in
    select conname,
      conname = 'vectors_doc_id_fkey' and confdeltype = 'c' and confupdtype = 'a'
        and not condeferrable and convalidated as is_ours
    from pg_constraint
    where conrelid = 'vectors'::regclass and confrelid = 'documents'::regclass and contype = 'f'
      -- Of this column alone: a host's own column may refer to documents as well.
      and conkey = array(
        select attnum from pg_attribute where attrelid = 'vectors'::regclass and attname = 'doc_id'
      )
  loop
    if foreign_key.is_ours then
      is_there := true;
    else
      execute format('alter table vectors drop constraint %I', foreign_key.conname);
    end if;
  end loop;
  if not is_there then
    alter table vectors add constraint vectors_doc_id_fkey
      foreign key (doc_id) references documents (id) on delete cascade;
  end if;
end $$;
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_doc_id" ON "vectors" USING btree ("doc_id");
