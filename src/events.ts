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

/** One call of `deleteVectors` succeeded, or was left out because pages use all of its ids again. */
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

/** `writeVectors` or `deleteVectors` failed. The pages stay pending, or the ids stay queued. */
export interface RejectedEvent {
  type: 'rejected';
  call: 'writeVectors' | 'deleteVectors';
  /** The documents of the call; null if the document of the ids is unknown. */
  docIds: readonly (DocumentId | null)[];
  /** The error of the function. */
  error: unknown;
  durationMs: number;
}

/** An audit ended. */
export interface AuditedEvent {
  type: 'audited';
  /** How many indexed pages of the ledger were looked up in the store, and how many vectors they have. */
  pages: number;
  vectors: number;
  /** How many ids of the store were looked up in the ledger. */
  stored: number;
  /** How many vectors of these pages are not in the store. */
  missing: number;
  /** How many ids of the store are untracked, and how many of these were queued. */
  untracked: number;
  queued: number;
  /** How many ids of the store are on several pages. */
  shared: number;
  durationMs: number;
}

/**
 * Something that the ledger did. Durations are in milliseconds. Events contain no vector ids. Later versions may add
 * types and fields.
 */
export type LedgerEvent = IngestedEvent | PurgedEvent | RejectedEvent | AuditedEvent;

/**
 * Receives the events of a call while it runs. The call does not wait for it. If it throws or rejects, the call goes
 * on, and the error is reported with `process.emitWarning`.
 */
export type OnEvent = (event: LedgerEvent) => unknown;

/** Calls the host's function. Its errors become warnings and do not stop the call. */
export function emitEvent(onEvent: OnEvent | undefined, event: LedgerEvent): void {
  if (onEvent === undefined) return;
  // Async, so that `catch` handles a function that throws and one that returns a promise.
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
