import type { Db } from '../db.ts';
import { isDeadlock, isUniqueViolation } from '../driver-errors.ts';
import { isTransaction } from '../uniform-db.ts';

/** How often to try before the caller gets the error. */
const maxAttempts = 5;

/**
 * Runs an atomic piece of work, and runs it again after a deadlock or a unique violation.
 *
 * We lock existing pages in one order everywhere, but a page that is being inserted can still cause a
 * deadlock with a delete in the same document. A page that is recorded again keeps its row id. Suppose that two sessions
 * have read this row id, and then the page is deleted. Both insert a row with this id, and one of them gets a unique
 * violation. Inside a host's transaction, only the host can retry.
 */
export async function retryDeadlocks<T>(db: Db, work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      const mayPass = isDeadlock(error) || isUniqueViolation(error);
      if (attempt === maxAttempts || !mayPass || isTransaction(db)) throw error;
    }
  }
}
