-- The table as the original Alembic migration made it. A database that already has it keeps it.

-- If a table is busy, fail after five seconds, so that other queries do not pile up behind this migration.
select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- The host's table, found through the search_path. Created here only if it does not exist.
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
      hint = 'The ledger needs a table documents with an integer column id.';
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
      -- Only on this column: a column that the host added may refer to documents too.
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
end $$;
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_doc_id" ON "vectors" USING btree ("doc_id");
