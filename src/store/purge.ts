/** Deletes orphaned ids from the vector store. */
import { and, asc, eq, gt, is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import { slicesOf } from '../batches.ts';
import { runCallback } from '../callbacks.ts';
import { type Db, rowsOf } from '../db.ts';
import { toLedgerError, withLedgerErrors } from '../driver-errors.ts';
import { InvalidInputError } from '../errors.ts';
import { ledgerFunction } from '../ledger/read-pages.ts';
import { requireInteger } from '../require.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { findLiveIds } from './live-ids.ts';

/**
 * Deletes vectors from the vector store. The promise must resolve when the store has deleted them, not
 * when it has accepted the request (Qdrant: `wait: true`).
 *
 * After a crash the same ids are passed again, so ids that no longer exist must not be an error.
 *
 * @param ids - At most `batchIds` ids.
 * @param context.tx - The purge's own transaction, for vectors in the same database (pgvector): they are
 *   deleted with the orphans or not at all. Do not use `db` there: on PGlite, or with one connection, it
 *   would wait for the purge, and the purge for it.
 * @param context.signal - Aborts when the purge should stop. The purge still waits for the promise, because
 *   a delete that is under way must not meet a page that is recorded again.
 */
export type DeleteVectors = (
  ids: string[],
  context: { tx: Db; signal: AbortSignal },
) => Promise<unknown>;

/** What a purge has done so far. */
export interface PurgeProgress {
  /** How many ids were passed to `deleteVectors`. */
  deleted: number;
  /** How many ids stayed in the store because a page uses them again. */
  spared: number;
}

export interface PurgeResult extends PurgeProgress {
  /** How many rows are left in `vector_orphans`: queued since, locked by others, or beyond `limit`. */
  remaining: number;
}

export interface PurgeOptions {
  /** How many rows of `vector_orphans` (pages) one transaction claims. {@defaultValue 20} */
  batchRows?: number | undefined;
  /** How many ids one call of `deleteVectors` gets. Several stores accept no more. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many rows the purge claims in total. {@defaultValue all} */
  limit?: number | undefined;
  /** Stops the purge, which rejects with the signal's reason. What was committed stays committed. */
  signal?: AbortSignal | undefined;
  /** Called after each transaction. */
  onProgress?: ((progress: PurgeProgress) => void) | undefined;
  /** {@defaultValue the package's own tables} */
  tables?: VectorTables | undefined;
}

/** After this many documents have failed, the purge assumes that the store is down and stops. */
const maxFailures = 3;

/**
 * Deletes the ids in `vector_orphans` from the vector store, except ids that a page uses again.
 *
 * Each transaction claims rows of one document, calls `deleteVectors` with the ids that no page uses, and
 * deletes the rows. If the call throws, or the process or the server dies, the rows stay and the next purge
 * claims them again. Any number of purges can run at the same time. Run it on a schedule and after large
 * deletes.
 *
 * While a document is being purged, recording its pages waits. So ids that can come back (generated ids)
 * are safe if pages are recorded before their vectors are written, and if no other document has the same
 * ids. A delete that is under way when the process or its connection dies cannot be stopped: it may reach
 * the store after the lock is released.
 *
 * A document whose delete fails is skipped. After three of them the purge stops.
 *
 * @param db - A database, not a transaction, because the purge opens its own transactions.
 * @throws The first error of `deleteVectors`. The rows of the documents that failed stay queued.
 * @example
 * const { deleted, spared } = await purgeOrphans(db, (ids) =>
 *   qdrant.delete('patches', { wait: true, points: ids }),
 * );
 */
export async function purgeOrphans(
  db: Db,
  deleteVectors: DeleteVectors,
  options: PurgeOptions = {},
): Promise<PurgeResult> {
  const { batchRows = 20, batchIds = 1_000, limit, signal, onProgress } = options;
  const { tables = defaultTables } = options;
  if (is(db, PgTransaction)) {
    throw new InvalidInputError(['db'], 'must be a database, got a transaction');
  }
  requireInteger(batchRows, ['options', 'batchRows'], { min: 1 });
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  if (limit !== undefined) requireInteger(limit, ['options', 'limit'], { min: 1 });

  const purge: Purge = { db, tables, deleteVectors, batchIds, signal };
  const progress: PurgeProgress = { deleted: 0, spared: 0 };
  const failures: unknown[] = [];
  let rowsLeft = limit ?? Number.POSITIVE_INFINITY;

  /** Purges a batch of the document; false if there was nothing to claim. */
  const purgeNext = async (docId: number): Promise<boolean> => {
    const batch = await purgeBatch(purge, docId, Math.min(batchRows, rowsLeft));
    if (batch === undefined) return false;
    rowsLeft -= batch.rows;
    progress.deleted += batch.deleted;
    progress.spared += batch.spared;
    await runCallback(() => onProgress?.({ ...progress }));
    return true;
  };

  return withLedgerErrors(async () => {
    await runCallback(() => signal?.throwIfAborted());
    let docId = await nextDocument(purge);
    while (docId !== undefined && rowsLeft > 0) {
      await runCallback(() => signal?.throwIfAborted());
      const hasMore = await purgeNext(docId).catch((error: unknown) => {
        if (signal?.aborted) throw error;
        failures.push(error);
        if (failures.length === maxFailures) throw failures[0];
        // One document that the store rejects must not block the others.
        return false;
      });
      // Nothing is left, or writers and other purges have the rest.
      if (!hasMore) docId = await nextDocument(purge, docId);
    }
    if (failures.length > 0) throw failures[0];
    return { ...progress, remaining: await db.$count(tables.vectorOrphans) };
  });
}

/** What stays the same during a purge. */
interface Purge {
  db: Db;
  tables: VectorTables;
  deleteVectors: DeleteVectors;
  batchIds: number;
  signal: AbortSignal | undefined;
}

/** The document after `last`, by id, that has orphans. */
async function nextDocument(
  { db, tables: { vectorOrphans } }: Purge,
  last?: number,
): Promise<number | undefined> {
  const [next] = await db
    .select({ docId: vectorOrphans.docId })
    .from(vectorOrphans)
    .where(last === undefined ? undefined : gt(vectorOrphans.docId, last))
    .orderBy(asc(vectorOrphans.docId))
    .limit(1);
  return next?.docId;
}

/**
 * Claims rows of one document, deletes their ids from the store, and deletes the rows, in one transaction.
 *
 * @returns undefined if the document is locked or has no rows to claim.
 */
async function purgeBatch(
  purge: Purge,
  docId: number,
  rows: number,
): Promise<(PurgeProgress & { rows: number }) | undefined> {
  const { db, tables, signal: stop } = purge;
  const connectionLost = new AbortController();
  const signals = stop === undefined ? [connectionLost.signal] : [stop, connectionLost.signal];
  const signal = AbortSignal.any(signals);
  let lastCall: Promise<unknown> = Promise.resolve();

  const transaction = db.transaction(
    async (tx) => {
      if (!(await takePurgeLock(tx, tables, docId))) return undefined;
      const claimed = await claimRows(tx, tables, docId, rows);
      if (claimed.length === 0) return undefined;

      // A separate statement after the lock: it sees every writer that has committed, and later writers
      // wait for the lock. Each statement needs its own snapshot, hence read committed.
      const ids = [...new Set(claimed.flatMap(({ vectorIds }) => vectorIds))];
      const live = await findLiveIds(tx, tables, ids);
      const dead = ids.filter((id) => !live.has(id));
      for (const [index, batch] of [...slicesOf(dead, purge.batchIds)].entries()) {
        await runCallback(() => signal.throwIfAborted());
        // A purge that has lost its connection has lost its lock, and must not delete any more.
        if (index > 0) await tx.execute(sql`select 1`);
        lastCall = runCallback(() => purge.deleteVectors(batch, { tx, signal }));
        await lastCall;
      }

      await deleteRows(
        tx,
        tables,
        docId,
        claimed.map(({ id }) => id),
      );
      return { rows: claimed.length, deleted: dead.length, spared: live.size };
    },
    { isolationLevel: 'read committed' },
  );
  try {
    return await transaction;
  } catch (error) {
    // If the connection was lost, the store may still be deleting: tell it to stop, and wait for it.
    connectionLost.abort(toLedgerError(error));
    await lastCall.catch(() => {});
    throw error;
  }
}

/**
 * Takes the document's purge lock until the end of the transaction, unless somebody else has it. Writers of
 * the document's pages wait for it; the trigger `vectors_wait_for_purge` takes it in shared mode.
 */
async function takePurgeLock(tx: Db, tables: VectorTables, docId: number): Promise<boolean> {
  // A server that ends idle transactions would release the lock while the store deletes.
  const [lock] = rowsOf<{ taken: boolean }>(
    await tx.execute(sql`
      select pg_try_advisory_xact_lock(${ledgerFunction(tables, 'vectors_purge_lock_key')}(${docId})) as taken,
        set_config('idle_in_transaction_session_timeout', '0', true)`),
  );
  return lock?.taken === true;
}

/** Locks up to `rows` of the document's orphans. Skips rows that somebody is deleting by hand. */
async function claimRows(
  tx: Db,
  { vectorOrphans }: VectorTables,
  docId: number,
  rows: number,
): Promise<{ id: number; vectorIds: string[] }[]> {
  return tx
    .select({ id: vectorOrphans.id, vectorIds: vectorOrphans.vectorIds })
    .from(vectorOrphans)
    .where(eq(vectorOrphans.docId, docId))
    .orderBy(asc(vectorOrphans.id))
    .limit(rows)
    .for('update', { skipLocked: true });
}

async function deleteRows(
  tx: Db,
  { vectorOrphans }: VectorTables,
  docId: number,
  ids: readonly number[],
): Promise<void> {
  const isClaimed = sql`${vectorOrphans.id} = any (${sql.param(ids)}::bigint[])`;
  await tx.delete(vectorOrphans).where(and(eq(vectorOrphans.docId, docId), isClaimed));
}
