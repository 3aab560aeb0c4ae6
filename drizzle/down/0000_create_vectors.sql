-- What the original downgrade did: vectors goes, documents and everything else stays.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
do $$
declare
  lost bigint;
begin
  if to_regclass('vectors') is null then
    return;
  end if;
  lock table vectors in access exclusive mode;
  select count(*) into lost from vectors;
  if lost > 0 then
    raise warning 'the vector ids of % pages went with the table: their vectors stay in the vector store', lost;
  end if;
end $$;
--> statement-breakpoint
-- It is what undoing this migration means.
-- squawk-ignore ban-drop-table
drop table if exists vectors;
