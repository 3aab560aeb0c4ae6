import { type SQL, sql } from 'drizzle-orm';

/** First key of the advisory locks that keep writers of pages and purges apart ("colo" in ASCII). */
const lockClass = 1_668_246_639;

/** The documents share so many locks; the trigger function `vectors_wait_for_purge` counts alike. */
const documentLocks = 1023;

/**
 * Takes a document's lock for a purge until the end of its transaction, where no writer and no other
 * purge has it: selects whether it got it.
 *
 * Writers take it shared. Document 0 stands for ids whose document is not known; every writer takes
 * its lock as well.
 */
export function tryPurgeLock(docId: number): SQL {
  const lock = docId === 0 ? 0 : 1 + (Math.abs(docId) % documentLocks);
  return sql`pg_try_advisory_xact_lock(${sql.raw(`${lockClass}, ${lock}`)})`;
}
