/** The advisory locks that keep purges and writers apart. `vectors_purge_lock_key` computes the key for a document. */

/** The upper half of each key, in SQL: "colo" in ASCII. The lower half is the number of the lock. */
export const purgeLockClass = '(1668246639::bigint << 32)';

/** How many locks there are. Documents share them. */
export const purgeLockCount = 64;
