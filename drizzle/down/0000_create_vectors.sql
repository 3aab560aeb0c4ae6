-- Drops vectors, as the original downgrade did. Leaves documents and everything else.

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
    raise warning 'pages whose vector ids were dropped: %; their vectors stay in the vector store', lost;
  end if;
end $$;
--> statement-breakpoint
-- Dropping the table is the purpose of this file.
-- squawk-ignore ban-drop-table
drop table if exists vectors;
