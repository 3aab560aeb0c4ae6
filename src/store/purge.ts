/** Deletes orphaned ids from the vector store. */
import { sql } from 'drizzle-orm';
import { CallbackError, runCallback } from '../callbacks.ts';
import { type Db, rowsOf } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { isDeadlock, isLockTimeout, toLedgerError, withLedgerErrors } from '../driver-errors.ts';
import { InvalidInputError, PurgeError } from '../errors.ts';
import { emitEvent, type LedgerEvent, type OnEvent, startTimer } from '../events.ts';
import { decodeVectorIds } from '../ids/codec.ts';
import { docIdType, ledgerFunction } from '../ledger/read-pages.ts';
import { hiddenRowsError, hidesRows, requireAllRows } from '../ledger/require-all-rows.ts';
import { requireTriggers } from '../ledger/require-triggers.ts';
import { integer, requireFunction, requireOptions, requireSignal } from '../require.ts';
import { requireLedger, tablesOf, type VectorTables } from '../tables.ts';
import { isTransaction, uniform } from '../uniform-db.ts';
import { DeleteCall, type DeleteVectors, type PurgeContext } from './delete-call.ts';
import { findLiveIds } from './live-ids.ts';
import {
  claimRows,
  type DueBatch,
  dueBatches,
  isOfPendingPage,
  isOneOfRows,
  ofDocument,
  releaseRows,
} from './queue.ts';

/** What a purge has done so far. */
export interface PurgeProgress {
  /** How many ids were passed to `deleteVectors` and are gone. */
  deleted: number;
  /** How many ids stayed in the store because a page uses them again. */
  spared: number;
  /**
   * How many pages were made pending, because one of their ids was recorded again while the store deleted it.
   * `findPending` returns them.
   */
  repaired: number;
}

export interface PurgeResult extends PurgeProgress {
  /**
   * How many rows are left in `vector_orphans`, because they are not due yet, belong to pending pages, were locked,
   * exceeded `limit`, or because the time of `deadlineMs` was over.
   */
  remaining: number;
}

export interface PurgeOptions<DocId extends DocumentId = number> {
  /** How many ids one call of `deleteVectors` gets. Several stores accept no more. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many rows of `vector_orphans` the purge claims in total. {@defaultValue all} */
  limit?: number | undefined;
  /**
   * How long one call of `deleteVectors` may take, in milliseconds. Writers of the document wait for the call.
   * {@defaultValue 60000}
   */
  callTimeoutMs?: number | undefined;
  /** After how many milliseconds the purge stops and resolves. {@defaultValue no limit} */
  deadlineMs?: number | undefined;
  /** Stops the purge, which rejects with the signal's reason. What was committed stays committed. */
  signal?: AbortSignal | undefined;
  /** Called after each call of `deleteVectors`. */
  onProgress?: ((progress: PurgeProgress) => void) | undefined;
  /** Receives `purged` or `rejected` after each call of `deleteVectors`. */
  onEvent?: OnEvent | undefined;
  /** What `defineLedger` returned. {@defaultValue the package's own tables} */
  ledger?: Ledger<DocId> | undefined;
}

/** After this many failures in a row, the purge assumes that the store is down and stops. */
const maxFailuresInARow = 20;

/** How long a purge waits for a document's writers before it skips the document. New writers wait for the purge. */
const lockWaitMs = 500;

/**
 * Deletes the ids in `vector_orphans` from the vector store, except ids that a page uses again.
 *
 * Rows are handled in the order in which they are due. Each call of `deleteVectors` gets ids of one document, inside a
 * transaction that removes their rows. If the call fails, the rows stay and are due again later: after 1 second,
 * then twice as long each time, up to 1 hour. Any number of purges can run at the same time. Run it on a schedule
 * and after large deletes.
 *
 * While the store deletes ids of a document, recording pages of that document waits for that one call. If several purges
 * run at the same time, a writer of several documents may wait for one call of every purge. If an id is recorded again
 * during the call, by another document for example, its page becomes pending. So its vectors are written again, and none
 * stays missing. This works for every writer that commits a page before it writes the page's vectors.
 *
 * A call that timed out may still delete. When it ends, the purge repairs pages again. If the process dies before
 * that, an audit finds the missing vectors.
 *
 * @param hostDb - A database, not a transaction, because the purge opens its own transactions.
 * @throws {PurgeError} `deleteVectors` failed. All other documents were handled, unless 20 calls in a row failed.
 * @throws {MigrationError} A trigger is missing or disabled.
 * @throws {DatabaseError} 42501: row level security may hide pages from the role.
 * @example
 * const { deleted, spared } = await purgeOrphans(db, (ids) =>
 *   qdrant.delete('patches', { wait: true, points: ids }),
 * );
 */
export async function purgeOrphans<DocId extends DocumentId = number>(
  hostDb: Db,
  deleteVectors: DeleteVectors<NoInfer<DocId>>,
  options: PurgeOptions<DocId> = {},
): Promise<PurgeResult> {
  const db = uniform(hostDb);
  if (isTransaction(db)) {
    throw new InvalidInputError(['db'], 'must be a database, got a transaction');
  }
  requireFunction(deleteVectors, ['deleteVectors']);
  requireOptions(options, {
    batchIds: integer({ min: 1 }),
    limit: integer({ min: 1 }),
    callTimeoutMs: integer({ min: 1 }),
    deadlineMs: integer({ min: 1 }),
    signal: requireSignal,
    onProgress: requireFunction,
    onEvent: requireFunction,
    ledger: requireLedger,
  });
  const { batchIds = 1_000, limit, callTimeoutMs = 60_000, deadlineMs, signal } = options;
  const { ledger, onProgress } = options;
  const tables = tablesOf(ledger);

  const deadline = performance.now() + (deadlineMs ?? Number.POSITIVE_INFINITY);
  const progress: PurgeProgress = { deleted: 0, spared: 0, repaired: 0 };
  const failures = new Map<DocumentId | null, unknown>();
  let failuresInARow = 0;
  let rowsLeft = limit ?? Number.POSITIVE_INFINITY;

  return withLedgerErrors(async () => {
    await runCallback(() => signal?.throwIfAborted());
    const isDistributed = await requireTriggers(db, tables);
    await requireAllRows(db, tables);
    const purge: PurgeContext = {
      db,
      tables,
      isDistributed,
      deleteVectors: deleteVectors as DeleteVectors<DocumentId>,
      callTimeoutMs,
      deadline,
      signal,
    };
    for await (const due of dueBatches(db, tables, batchIds)) {
      await runCallback(() => signal?.throwIfAborted());
      if (rowsLeft <= 0 || performance.now() >= deadline) break;
      // A document that the store rejects must not block the others.
      if (failures.has(due.docId)) continue;
      const batch = { ...due, rows: due.rows.slice(0, rowsLeft) };
      const durationMs = startTimer();
      const outcome = await purgeBatch(purge, batch);
      if (outcome.rows > 0) emitEvent(options.onEvent, toEvent(batch, outcome, durationMs()));
      rowsLeft -= outcome.rows;
      progress.deleted += outcome.deleted;
      progress.spared += outcome.spared;
      progress.repaired += outcome.repaired;
      if ('error' in outcome) {
        if (signal?.aborted) throw outcome.error;
        if (performance.now() >= deadline) break;
        failures.set(due.docId, outcome.error);
        failuresInARow += 1;
        if (failuresInARow === maxFailuresInARow) break;
      } else if (outcome.rows > 0) {
        failuresInARow = 0;
      }
      await runCallback(() => onProgress?.({ ...progress }));
    }
    if (failures.size > 0) {
      const [first] = failures.values();
      throw new PurgeError([...failures.keys()], progress, { cause: toLedgerError(first) });
    }
    return { ...progress, remaining: await db.$count(tables.vectorOrphans) };
  });
}

/** The result of a batch. */
interface Outcome extends PurgeProgress {
  /** How many rows were claimed. */
  rows: number;
  /** The error of `deleteVectors`. Absent if it did not fail. */
  error?: unknown;
}

function toEvent(
  { docId, namespace }: DueBatch,
  outcome: Outcome,
  durationMs: number,
): LedgerEvent {
  const { deleted, spared, repaired, error } = outcome;
  return 'error' in outcome
    ? {
        type: 'rejected',
        call: 'deleteVectors',
        docIds: [docId],
        error: toLedgerError(error),
        durationMs,
      }
    : { type: 'purged', docId, namespace, deleted, spared, repaired, durationMs };
}

/** Claims the rows of a batch, deletes their ids from the store, and repairs pages that recorded them again. */
async function purgeBatch(purge: PurgeContext, batch: DueBatch): Promise<Outcome> {
  const { db, tables } = purge;
  const claimed = await claimRows(db, tables, batch);
  const outcome: Outcome = { rows: claimed.length, deleted: 0, spared: 0, repaired: 0 };
  if (claimed.length === 0) return outcome;

  const rows = claimed.map(({ id }) => id);
  const call = new DeleteCall(purge, batch, claimed);
  try {
    const result = await deleteInTransaction(purge, { ...batch, rows }, call);
    if (result === 'busy') {
      await releaseRows(db, tables, batch.docId, rows);
      return { ...outcome, rows: 0 };
    }
    outcome.deleted = result.deleted;
    outcome.spared = result.spared;
  } catch (error) {
    await call.end(error);
    // An error of the database ends the purge. Before that, repair pages if the database can be reached.
    if (!(error instanceof CallbackError)) {
      await call.repair({ hadLock: false }).catch(() => {});
      throw error;
    }
    outcome.error = error;
  }
  // The repair runs after the purge's transaction. Inside it, the repair and a writer could wait for each other's locks,
  // and PostgreSQL might cancel the repair. A failed call may have deleted some ids, so it needs a repair too.
  outcome.repaired = await call.repair({ hadLock: !call.hasTimedOut });
  return outcome;
}

/**
 * Deletes the rows and then their ids in the store, in one transaction. If it fails, the rows come back. The rows are
 * deleted first, because on Citus this prevents their shard from being moved before the transaction ends.
 *
 * @returns `busy` if writers of the document did not finish in time.
 */
async function deleteInTransaction(
  { db, tables, isDistributed }: PurgeContext,
  { docId, rows }: DueBatch,
  call: DeleteCall,
): Promise<{ deleted: number; spared: number } | 'busy'> {
  const { vectors, vectorOrphans } = tables;
  const work = async (tx: Db) => {
    await prepareTransaction(tx, tables);
    // Strays have no lock, so no writer waits for this purge. If a page records a stray again, the checks for live ids
    // before and after the call find it.
    if (docId !== null) await takePurgeLock(tx, tables, docId);
    const deletedRows = rowsOf<{ vector_ids: string }>(
      await tx.execute(sql`
        delete from ${vectorOrphans} as orphan
        where ${ofDocument(docId)} and ${isOneOfRows(rows)} and not ${isOfPendingPage(vectors)}
        returning vector_ids::text`),
    );
    // The shard may have moved to another node between the first lock and the delete. Nobody has taken the lock on that
    // node. After the delete the shard cannot move, so the lock is taken again here.
    if (docId !== null && isDistributed) await takePurgeLock(tx, tables, docId);
    const ids = new Set(
      deletedRows.flatMap(({ vector_ids }) => decodeVectorIds(JSON.parse(vector_ids))),
    );
    // A separate statement after the lock, so that it sees all writers that have committed. Later writers of the
    // document wait for the lock.
    const live = await findLiveIds(tx, tables, [...ids], call.owner);
    const dead = [...ids].filter((id) => !live.has(id));
    call.spared = [...live.keys()];
    if (dead.length > 0) await call.run(dead, tx);
    return { deleted: dead.length, spared: live.size };
  };
  try {
    // Each statement needs its own snapshot, hence read committed.
    return await db.transaction(work, { isolationLevel: 'read committed' });
  } catch (error) {
    if (!call.hasStarted && (isLockTimeout(error) || isDeadlock(error))) return 'busy';
    throw error;
  }
}

/**
 * Turns off the timeouts of this session and checks again that its role sees all pages.
 *
 * @throws {DatabaseError} 42501: row level security may hide pages from the role.
 */
async function prepareTransaction(tx: Db, tables: VectorTables): Promise<void> {
  const [row] = rowsOf<{ hides_rows: boolean }>(
    await tx.execute(sql`select ${hidesRows(tables)} as hides_rows, ${noTimeouts}`),
  );
  if (row?.hides_rows) throw hiddenRowsError(tables);
}

/** A server that ends idle or long transactions would release the lock while the store deletes. */
const noTimeouts = sql`
  set_config('idle_in_transaction_session_timeout', '0', true),
  case when current_setting('transaction_timeout', true) is not null
    then set_config('transaction_timeout', '0', true) end`;

/**
 * Takes the document's purge lock until the end of the transaction. Writers of the document's pages wait for it: the
 * triggers `vectors_wait_after_insert` and `vectors_wait_after_update` take it in shared mode.
 *
 * On Citus, the lock must be taken on the node that has the document, and the timeouts must be turned off there. So the
 * statements read from the document's shard. They read an aggregate, because it always has one row.
 *
 * @throws PostgreSQL's lock timeout if writers do not finish in time.
 */
async function takePurgeLock(tx: Db, tables: VectorTables, docId: DocumentId): Promise<void> {
  const key = sql`${ledgerFunction(tables, 'purge_lock_key')}(${docId}::${docIdType(tables)})`;
  const atShard = sql`from (
    select count(*) from (select from ${tables.vectorOrphans} where doc_id = ${docId} limit 1) as orphan
  ) as shard`;
  const [lock] = rowsOf<{ taken: boolean }>(
    await tx.execute(
      sql`select pg_try_advisory_xact_lock(${key}) as taken, ${noTimeouts} ${atShard}`,
    ),
  );
  if (lock?.taken) return;
  // With many writers, trying again and again might never succeed. Waiting gives the purge a place in the queue for the
  // lock. PostgreSQL evaluates the columns from left to right.
  await tx.execute(sql`
    select set_config('lock_timeout', ${`${lockWaitMs}ms`}::text, true), pg_advisory_xact_lock(${key}),
      set_config('lock_timeout', '0', true) ${atShard}`);
}
