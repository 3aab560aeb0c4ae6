import { is } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import type { Db } from '../db.ts';
import { isDeadlock } from '../errors.ts';

/** How often PostgreSQL may choose the same call to end a deadlock before the caller hears of it. */
const maxAttempts = 5;

/**
 * Runs an atomic piece of work, again where PostgreSQL ended it to resolve a deadlock.
 *
 * Pages are locked in one order everywhere, but not new ones: two that insert and delete in the same
 * document can still meet head on. In a host's transaction the deadlock is the host's to retry.
 */
export async function retryDeadlocks<T>(db: Db, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (attempt === maxAttempts || !isDeadlock(error) || is(db, PgTransaction)) throw error;
    }
  }
}
