-- Drops vectors if it exists, as the original downgrade did. Changes nothing else; documents stays.
-- Lost: every recorded id. The vectors stay in the vector store.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
do $$
declare
  lost bigint;
  warning text;
begin
  if to_regclass('vectors') is null then
    return;
  end if;
  lock table vectors in access exclusive mode;
  select count(*) into lost from vectors;
  if lost > 0 then
    warning := format('pages whose vector ids were dropped: %s; their vectors stay in the vector store', lost);
    raise warning '%', warning;
    -- rollback() reads the warnings from this setting, because not every driver passes warnings on.
    perform set_config('colpali_vectors.warnings', warning, true);
  end if;
end $$;
--> statement-breakpoint
-- Dropping the table is the purpose of this file.
-- squawk-ignore ban-drop-table
drop table if exists vectors;
