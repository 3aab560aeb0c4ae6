import { ne, sql } from 'drizzle-orm';
import { CallbackError, runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { toLedgerError } from '../driver-errors.ts';
import type { VectorTables } from '../tables.ts';
import { hostOf } from '../uniform-db.ts';
import { type ClaimedRow, type DueBatch, timestamp } from './queue.ts';
import { repairPages } from './repair.ts';

/**
 * Deletes vectors from the vector store. The promise must resolve when the store has deleted them, not
 * when it has accepted the request (Qdrant: `wait: true`).
 *
 * After a failure or a crash the same ids are passed again, so ids that no longer exist must not be an error.
 *
 * @param ids - At most `batchIds` ids of one document and namespace.
 * @param context.tx - The purge's own transaction. Delete vectors in the same database (pgvector) with it, so that
 *   they are deleted together with the orphans or not at all. With `db` instead, the purge and your function would
 *   wait for each other if there is only one connection, as on PGlite.
 * @param context.signal - Aborts when the call should stop.
 * @param context.docId - The document that had the ids; null if it is unknown. It may be deleted by now.
 * @param context.namespace - The namespace of the page that had the ids.
 */
export type DeleteVectors<DocId extends DocumentId = number> = (
  ids: string[],
  context: { tx: Db; signal: AbortSignal; docId: DocId | null; namespace: string | null },
) => Promise<unknown>;

/** What stays the same during a purge. */
export interface PurgeContext {
  db: Db;
  tables: VectorTables;
  /** Whether the ledger is distributed over the nodes of Citus. */
  isDistributed: boolean;
  deleteVectors: DeleteVectors<DocumentId>;
  callTimeoutMs: number;
  /** On the clock of `performance.now()`. */
  deadline: number;
  signal: AbortSignal | undefined;
}

/** One call of `deleteVectors`: its time limit, and the repair of pages that it may have damaged. */
export class DeleteCall {
  private readonly purge: PurgeContext;
  private readonly batch: DueBatch;
  private readonly stop = new AbortController();
  private running: Promise<unknown> | undefined;
  /** When an earlier purge last tried one of the rows, in microseconds since 1970. */
  private readonly lastTriedUs: string | undefined;
  private ids: string[] = [];
  /** The vector ids of the claimed rows that are live again. */
  spared: string[] = [];
  hasTimedOut = false;

  constructor(purge: PurgeContext, batch: DueBatch, claimed: readonly ClaimedRow[]) {
    this.purge = purge;
    this.batch = batch;
    // The numbers have the same length, so sorting them as text is right.
    this.lastTriedUs = claimed
      .flatMap(({ lastTriedUs }) => lastTriedUs ?? [])
      .toSorted()
      .at(-1);
  }

  /**
   * The document that the ids are from, if the ledger is distributed. No other document can have its patch ids there.
   * Undefined in other ledgers, and for strays.
   */
  get owner(): DocumentId | undefined {
    return this.purge.isDistributed ? (this.batch.docId ?? undefined) : undefined;
  }

  get hasStarted(): boolean {
    return this.running !== undefined;
  }

  /** @throws {CallbackError} The error of `deleteVectors`, or a `TimeoutError`. */
  async run(ids: string[], tx: Db): Promise<void> {
    const { deleteVectors, signal } = this.purge;
    const { docId, namespace } = this.batch;
    const stops = signal === undefined ? [this.stop.signal] : [this.stop.signal, signal];
    await runCallback(() => signal?.throwIfAborted());
    this.ids = ids;
    this.running = runCallback(() =>
      deleteVectors(ids, { tx: hostOf(tx), signal: AbortSignal.any(stops), docId, namespace }),
    );
    await this.waitFor(this.running);
  }

  /** Stops the call after an error elsewhere, such as a lost connection, and waits until the call ends. */
  async end(reason: unknown): Promise<void> {
    this.stop.abort(toLedgerError(reason));
    if (this.running === undefined || this.hasTimedOut) return;
    await this.waitFor(this.running).catch(() => {});
  }

  /**
   * Makes pages pending that recorded an id while this call, or an earlier one, was deleting that id from the store.
   *
   * @param hadLock - Whether the purge lock kept the document's writers waiting until this call ended. If so, they
   *   write their vectors after the delete, and their pages need no repair.
   * @returns How many pages it made pending.
   */
  async repair({ hadLock }: { hadLock: boolean }): Promise<number> {
    const { db, tables, callTimeoutMs } = this.purge;
    const { docId } = this.batch;
    const isUnprotected = hadLock && docId !== null ? ne(tables.vectors.docId, docId) : undefined;
    const { owner } = this;
    const repaired = await repairPages(db, tables, { ids: this.ids, owner }, isUnprotected);
    if (this.lastTriedUs === undefined) return repaired;
    // An earlier call may have lost its lock and continued to delete ids that this purge spares, until its time limit. So
    // pages that were recorded before this limit need a repair.
    const isAsOld = sql`${tables.vectors.recordedAt}
      < ${timestamp(this.lastTriedUs)} + ${callTimeoutMs}::integer * interval '1 millisecond'`;
    return repaired + (await repairPages(db, tables, { ids: this.spared, owner }, isAsOld));
  }

  /** Waits for the call within its time limit. If the call ends later than that, repairs pages once more. */
  private async waitFor(call: Promise<unknown>): Promise<void> {
    const { callTimeoutMs, deadline } = this.purge;
    const limitMs = Math.max(0, Math.min(callTimeoutMs, deadline - performance.now()));
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        const error = new Error(`deleteVectors did not finish within ${Math.ceil(limitMs)} ms`);
        error.name = 'TimeoutError';
        this.hasTimedOut = true;
        this.stop.abort(error);
        const repair = () => this.repair({ hadLock: false });
        call.then(repair, repair).catch(() => {});
        reject(new CallbackError(error));
      }, limitMs);
    });
    try {
      await Promise.race([call, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }
}
