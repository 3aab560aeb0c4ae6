import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { isLockTimeout } from '../driver-errors.ts';
import { MigrationError } from '../errors.ts';

/** How long to wait for another migrator if `lockTimeoutMs` is not given. Converting a legacy table takes minutes. */
const defaultWaitMs = 60_000;

/** The key of the advisory lock: an arbitrary number that other software is unlikely to use. */
const lockKey = '4857043921337';

/**
 * Runs `work` in one transaction while every other migrator waits.
 *
 * The lock belongs to the transaction, so it also works through a pooler in transaction mode.
 *
 * @param lockTimeoutMs - How long to wait for another migrator, and then for each table.
 * @throws {MigrationError} Another session had the lock for too long; the error names it.
 */
export async function inLockedTransaction<Result>(
  db: Db,
  lockTimeoutMs: number | undefined,
  work: (tx: Db) => Promise<Result>,
): Promise<Result> {
  const waitMs = lockTimeoutMs ?? defaultWaitMs;
  let isWaiting = true;
  try {
    return await db.transaction(
      async (tx) => {
        await takeLock(tx, waitMs, lockTimeoutMs);
        isWaiting = false;
        return work(tx);
      },
      // With read committed, `work` sees what the previous migrator committed.
      { isolationLevel: 'read committed' },
    );
  } catch (error) {
    if (isWaiting && isLockTimeout(error)) throw await explainWait(db, waitMs);
    throw error;
  }
}

/**
 * Takes the lock. While it waits, `lock_timeout` is `waitMs`, and there is no `statement_timeout`. For `work`, it sets
 * `statement_timeout` back to the connection's own value, and `lock_timeout` to `lockTimeoutMs` or, without that, to the
 * connection's own value.
 */
async function takeLock(tx: Db, waitMs: number, lockTimeoutMs: number | undefined): Promise<void> {
  const [settings] = rowsOf<{ lock_timeout: string; statement_timeout: string }>(
    await tx.execute(sql`
      select current_setting('lock_timeout') as "lock_timeout",
        current_setting('statement_timeout') as "statement_timeout"`),
  );
  const { lock_timeout = '0', statement_timeout = '0' } = settings ?? {};
  await setTimeouts(tx, String(waitMs), '0');
  await tx.execute(sql`select pg_advisory_xact_lock(${lockKey}::text::bigint)`);
  await setTimeouts(tx, String(lockTimeoutMs ?? lock_timeout), statement_timeout);
}

/** Sets the limits of this transaction. */
async function setTimeouts(tx: Db, lockTimeout: string, statementTimeout: string): Promise<void> {
  await tx.execute(sql`
    select set_config('lock_timeout', ${lockTimeout}, true),
      set_config('statement_timeout', ${statementTimeout}, true)`);
}

/** The error for a migrator that waited too long. It names the session that has the lock. */
async function explainWait(db: Db, waitMs: number): Promise<MigrationError> {
  const [holder] = rowsOf<{ pid: number; application: string; since: string | null }>(
    await db.execute(sql`
      select holder.pid as "pid", coalesce(holder.application_name, '') as "application",
        to_char(
          coalesce(holder.xact_start, holder.state_change) at time zone 'UTC',
          'YYYY-MM-DD"T"HH24:MI:SS"Z"'
        ) as "since"
      from pg_locks
      join pg_stat_activity as holder using (pid)
      where locktype = 'advisory' and granted and objsubid = 1
        and (classid::bigint << 32) + objid::bigint = ${lockKey}::text::bigint
        and database = (select oid from pg_database where datname = current_database())`),
  );
  const message = `Another session is migrating this database and did not finish within ${waitMs} ms`;
  if (holder === undefined) return new MigrationError(message);
  const { pid, application, since } = holder;
  const name = application === '' ? '' : ` (${JSON.stringify(application)})`;
  // PostgreSQL hides the time from roles that may not see the other session.
  const time = since === null ? '' : `, since ${since}`;
  const hint = `Wait until it has finished, or end it with: select pg_terminate_backend(${pid});`;
  return new MigrationError(`${message}: process ${pid}${name}${time}\nHint: ${hint}`, { hint });
}
