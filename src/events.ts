/** What the ledger did, for the host's logs, metrics and traces. */
import type { DocumentId } from './document-id.ts';

/** The pages of one chunk were recorded, written to the vector store and marked as indexed. */
export interface IngestedEvent {
  type: 'ingested';
  /** How many pages were marked. Pages that were deleted or recorded again in between were not. */
  pages: number;
  /** How many vectors `writeVectors` wrote. */
  vectors: number;
  durationMs: number;
}

/** One call of `deleteVectors` succeeded, or all ids of its rows are in use again. */
export interface PurgedEvent {
  type: 'purged';
  /** The document that had the ids; null if it is unknown. */
  docId: DocumentId | null;
  namespace: string | null;
  /** How many ids were deleted, and how many stayed because a page uses them again. */
  deleted: number;
  spared: number;
  /** How many pages were made pending, because an id was recorded again during the call. */
  repaired: number;
  durationMs: number;
}

/** The vector store rejected a call: `writeVectors` or `deleteVectors` failed. It is tried again later. */
export interface RejectedEvent {
  type: 'rejected';
  call: 'writeVectors' | 'deleteVectors';
  /** The documents of the call; null stands for ids whose document is unknown. */
  docIds: readonly (DocumentId | null)[];
  /** The error of the function. */
  error: unknown;
  durationMs: number;
}

/** An audit ended. */
export interface AuditedEvent {
  type: 'audited';
  /** How many pages and vectors of the ledger, and how many ids of the store were looked up. */
  pages: number;
  vectors: number;
  stored: number;
  /** How many vectors were missing, untracked and queued, or on several pages. */
  missing: number;
  untracked: number;
  queued: number;
  shared: number;
  durationMs: number;
}

/** Something that the ledger did. Events contain no vector ids. Later versions may add types and fields. */
export type LedgerEvent = IngestedEvent | PurgedEvent | RejectedEvent | AuditedEvent;

/**
 * Receives the events of a call while it runs. The call does not wait for it. If it throws or rejects, the call goes
 * on, and the error is reported with `process.emitWarning`.
 */
export type OnEvent = (event: LedgerEvent) => unknown;

/** Calls the host's function, which must not be able to break what the ledger is doing. */
export function emitEvent(onEvent: OnEvent | undefined, event: LedgerEvent): void {
  if (onEvent === undefined) return;
  // The function's own promise also ends here, if it returns one.
  void (async () => onEvent(event))().catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    process.emitWarning(`onEvent failed on "${event.type}": ${reason}`, 'VectorLedgerWarning');
  });
}

/** Starts a stopwatch. Returns a function that reads it, in milliseconds. */
export function startTimer(): () => number {
  const start = performance.now();
  return () => performance.now() - start;
}
