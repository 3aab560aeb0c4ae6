import type { Db } from '../../src/index.ts';
import { select } from './database.ts';
import { isDistributed } from './shapes.ts';

/** The locks in this database that a session is waiting for. */
export const waitingLocks = `
  select from pg_locks
  where not granted
    and database = (select oid from pg_database where datname = current_database())`;

/** The same, for advisory locks only: migrators wait for one another, and writers for a purge. */
export const waitingAdvisoryLocks = `${waitingLocks} and locktype = 'advisory'`;

/** The same on a Citus cluster, whose nodes have locks of their own. */
const waitingOnNodes = `${waitingAdvisoryLocks}
  union all
  select from run_command_on_workers($$select count(*) from (${waitingAdvisoryLocks}) as waiting$$)
  where result <> '0'`;

/** Waits until a writer waits for a purge. */
export function untilWriterWaits(db: Db): Promise<void> {
  return until(db, isDistributed ? waitingOnNodes : waitingAdvisoryLocks);
}

/** Repeats the query until it returns a row. */
export async function until(db: Db, query: string): Promise<void> {
  while ((await select(db, query)).length === 0);
}
