import type { Db } from '../db.ts';
import { sqlStates, toLedgerError } from '../driver-errors.ts';
import { DatabaseError, MigrationError } from '../errors.ts';
import { isTransaction } from '../uniform-db.ts';

/**
 * Runs a statement on views, functions or tables that may be missing or that the role may not read.
 *
 * @param db - From `uniform`. In a transaction, the statement runs in a savepoint, so that a failure does not end the
 *   transaction.
 * @returns Null if something is missing or not allowed.
 */
export async function ifReadable<T>(db: Db, read: (db: Db) => Promise<T>): Promise<T | null> {
  try {
    return await (isTransaction(db) ? db.transaction(read) : read(db));
  } catch (thrown) {
    const error = toLedgerError(thrown);
    const isHidden =
      error instanceof MigrationError ||
      (error instanceof DatabaseError && error.sqlState === sqlStates.insufficientPrivilege);
    if (isHidden) return null;
    throw error;
  }
}
