-- Drops the triggers and their functions. After that, writers do not wait for a purge, and the ids of pages that are
-- deleted or recorded again are lost.

select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0';
--> statement-breakpoint
drop trigger if exists vectors_wait_after_update on vectors;
--> statement-breakpoint
drop trigger if exists vectors_wait_after_insert on vectors;
--> statement-breakpoint
drop trigger if exists vectors_new_revision on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_truncated on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_moved on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_replaced on vectors;
--> statement-breakpoint
drop trigger if exists vectors_queue_deleted on vectors;
--> statement-breakpoint
drop function if exists vectors_wait_for_purge();
--> statement-breakpoint
drop function if exists vectors_purge_lock_key(integer);
--> statement-breakpoint
drop function if exists vectors_new_revision();
--> statement-breakpoint
drop function if exists vectors_queue_truncated();
--> statement-breakpoint
drop function if exists vectors_queue_replaced();
--> statement-breakpoint
drop function if exists vectors_queue_deleted();
--> statement-breakpoint
drop function if exists vectors_count_ids(jsonb);
