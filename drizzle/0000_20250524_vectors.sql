-- Creates the table that the original Alembic migration made. If the database already has it, it stays unchanged.

-- If a table is busy, fail after five seconds, so that other queries do not pile up behind this migration.
select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
-- Looks for the host's table in the search_path, and creates it only if it is not there.
do $$
declare
  elsewhere text;
  warning text;
begin
  if to_regclass('documents') is null then
    select string_agg(format('%I.%I', nspname, relname), ', ' order by nspname) into elsewhere
    from pg_class join pg_namespace on pg_namespace.oid = relnamespace
    where relname = 'documents' and relkind in ('r', 'p') and nspname !~ '^pg_temp_';
    CREATE TABLE "documents" (
	"id" serial PRIMARY KEY NOT NULL
    );
    warning := 'created an empty table documents, because the search_path finds none'
      || coalesce(', although there is ' || elsewhere, '')
      || '; if your documents are elsewhere, run rollback --all, drop this table, and add their schema to the search_path';
    raise warning '%', warning;
    -- migrate() reads the warnings from this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  elsif not exists (
    select from pg_attribute
    where attrelid = 'documents'::regclass and attname = 'id'
      and atttypid in ('smallint'::regtype, 'integer'::regtype, 'bigint'::regtype)
  ) then
    -- Raised as a warning too, because drizzle-kit does not show the errors of a migration.
    raise warning 'documents has no column id of type smallint, integer or bigint';
    raise exception using
      errcode = 'datatype_mismatch',
      message = 'documents has no column id of type smallint, integer or bigint',
      hint = 'The ledger needs a table documents whose column id is an integer.';
  end if;
end $$;
--> statement-breakpoint
CREATE TABLE IF NOT EXISTS "vectors" (
	"id" serial PRIMARY KEY NOT NULL,
	"doc_id" integer NOT NULL,
	"page" integer NOT NULL,
	"vector_ids" text NOT NULL,
	CONSTRAINT "vectors_doc_id_fkey" FOREIGN KEY ("doc_id") REFERENCES "documents"("id") ON DELETE CASCADE
);
--> statement-breakpoint
CREATE INDEX IF NOT EXISTS "ix_vectors_doc_id" ON "vectors" USING btree ("doc_id");
