/** Compares the ledger with the vector store, in both directions. */
import { runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { emitEvent, type OnEvent, startTimer } from '../events.ts';
import type { VectorIdInput } from '../ids/check-vector-ids.ts';
import type { VectorLocation } from '../ledger/locate.ts';
import type { PageKey } from '../ledger/page.ts';
import { requireAllRows } from '../ledger/require-all-rows.ts';
import { requireTriggers } from '../ledger/require-triggers.ts';
import {
  describe,
  integer,
  requireBoolean,
  requireFunction,
  requireObject,
  requireOptions,
  requireSignal,
} from '../require.ts';
import { requireLedger, tablesOf } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import type { Audit } from './audit-context.ts';
import { findMissing } from './audit-missing.ts';
import { findUntracked, queueUntracked } from './audit-untracked.ts';

/** The functions through which an audit reads your vector store. */
export interface AuditedStore {
  /** Yields every id in the store, in lists of any length. The signal is that of the audit. */
  listIds(context: { signal: AbortSignal }): AsyncIterable<readonly VectorIdInput[]>;
  /** Returns those of `ids` that are in the store, in any order and spelling. */
  existing(ids: string[], context: { signal: AbortSignal }): Promise<readonly VectorIdInput[]>;
}

/** How far an audit is. */
export interface AuditProgress {
  /** How many indexed pages of the ledger were looked up in the store. */
  pages: number;
  /** How many vectors these pages have. */
  vectors: number;
  /** How many ids of the store were looked up in the ledger. */
  stored: number;
}

export interface AuditReport<DocId extends DocumentId = number> extends AuditProgress {
  /** Vectors of indexed pages that are not in the store. */
  missing: { vectors: number; pages: number; sample: VectorLocation<DocId>[] };
  /** Ids in the store that no page has and that do not wait in `vector_orphans`. */
  untracked: { vectors: number; sample: string[]; queued: number };
  /** Ids that several pages have. In the store, the vectors of one page have overwritten those of the others. */
  shared: { vectors: number; sample: SharedVectorId<DocId>[] };
}

/** An id that several pages have. */
export interface SharedVectorId<DocId extends DocumentId = number> {
  vectorId: string;
  pages: PageKey<DocId>[];
}

export interface AuditOptions<DocId extends DocumentId = number> {
  /** How many ids one call of `existing` and one lookup get. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many ids of each kind the report lists. {@defaultValue 10} */
  sampleSize?: number | undefined;
  /** Makes pages with missing vectors pending again, so that `findPending` returns them. */
  markMissingPending?: boolean | undefined;
  /**
   * Queues untracked ids for the next purge. Use it only if every ingest records its pages before it writes
   * their vectors. Otherwise the vectors of a page that is being ingested look untracked. With this option, the
   * audit lists the store twice, because it must know the share of untracked ids before it queues any.
   */
  queueUntracked?: boolean | undefined;
  /**
   * The largest share of the store's ids that `queueUntracked` may queue, from 0 to 1. A larger share usually
   * means that `listIds` reads another collection. {@defaultValue 0.1}
   */
  maxUntrackedShare?: number | undefined;
  /** Stops the audit, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each lookup. */
  onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** Receives `audited` at the end. */
  onEvent?: OnEvent | undefined;
  /** What `defineLedger` returned. {@defaultValue the package's own tables} */
  ledger?: Ledger<DocId> | undefined;
}

/**
 * Compares the ledger with the vector store in both directions, while both are in use.
 *
 * Pending pages do not count as missing, and ids that wait for a purge do not count as untracked. Before
 * the audit reports a difference it looks again, because the two sides may have changed in between. Memory
 * use does not grow with the ledger, the queue or the store.
 *
 * @throws {AuditError} `queueUntracked` would queue a larger share than `maxUntrackedShare`. Or the ledger is distributed
 *   with Citus, and some untracked ids name no page. In both cases nothing was queued.
 * @throws {MigrationError} A trigger is missing or disabled.
 * @throws {DatabaseError} 42501: row level security may hide pages from the role.
 * @throws The errors of the store's functions, unchanged.
 * @example
 * const { missing, untracked } = await auditVectors(db, {
 *   listIds: () => scrollAllPointIds(qdrant),
 *   existing: (ids) => findPointIds(qdrant, ids),
 * });
 */
export async function auditVectors<DocId extends DocumentId = number>(
  hostDb: Db,
  store: AuditedStore,
  options: AuditOptions<DocId> = {},
): Promise<AuditReport<DocId>> {
  const db = uniform(hostDb);
  requireObject(store, ['store']);
  requireFunction(store.listIds, ['store', 'listIds']);
  requireFunction(store.existing, ['store', 'existing']);
  requireOptions(options, {
    batchIds: integer({ min: 1 }),
    sampleSize: integer({ min: 0 }),
    markMissingPending: requireBoolean,
    queueUntracked: requireBoolean,
    maxUntrackedShare: requireShare,
    signal: requireSignal,
    onProgress: requireFunction,
    onEvent: requireFunction,
    ledger: requireLedger,
  });
  const { batchIds = 1_000, sampleSize = 10, maxUntrackedShare = 0.1 } = options;
  const { signal = new AbortController().signal } = options;
  const { ledger, markMissingPending, onProgress } = options;
  const tables = tablesOf(ledger);

  const report: AuditReport<DocumentId> = {
    pages: 0,
    vectors: 0,
    stored: 0,
    missing: { vectors: 0, pages: 0, sample: [] },
    untracked: { vectors: 0, sample: [], queued: 0 },
    shared: { vectors: 0, sample: [] },
  };
  const audit: Audit = {
    ledger: { db, tables },
    store,
    options: { batchIds, sampleSize, markMissingPending, signal },
    report,
    isDistributed: false,
    strays: 0,
    step: () =>
      runCallback(() => {
        signal.throwIfAborted();
        const { pages, vectors, stored } = report;
        onProgress?.({ pages, vectors, stored });
      }),
  };
  const durationMs = startTimer();
  return withLedgerErrors(async () => {
    await runCallback(() => signal.throwIfAborted());
    audit.isDistributed = await requireTriggers(db, tables);
    await requireAllRows(db, tables);
    await findMissing(audit);
    await findUntracked(audit);
    if (options.queueUntracked) await queueUntracked(audit, maxUntrackedShare);
    const { pages, vectors, stored, missing, untracked, shared } = report;
    emitEvent(options.onEvent, {
      type: 'audited',
      ...{ pages, vectors, stored },
      missing: missing.vectors,
      untracked: untracked.vectors,
      queued: untracked.queued,
      shared: shared.vectors,
      durationMs: durationMs(),
    });
    return report as AuditReport<DocId>;
  });
}

/** @throws {InvalidInputError} */
function requireShare(value: unknown, path: InputPath): void {
  if (typeof value === 'number' && value >= 0 && value <= 1) return;
  throw new InvalidInputError(path, `must be a number from 0 to 1, got ${describe(value)}`);
}
