/** Compares the ledger with the vector store, in both directions. */
import { isNotNull } from 'drizzle-orm';
import { batchesOf, slicesOf } from '../batches.ts';
import { readCallback, runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { checkVectorIds, type VectorIdInput } from '../ids/check-vector-ids.ts';
import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import { canonicalId } from '../ids/spellings.ts';
import type { VectorLocation } from '../ledger/locate.ts';
import { queueOrphans } from '../ledger/orphans.ts';
import { keyOf, sameIds } from '../ledger/page.ts';
import { isOneOf, selectPages, streamPages } from '../ledger/read-pages.ts';
import { requireInteger } from '../require.ts';
import type { PageVectors } from '../schema.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { findLiveIds, findTrackedIds } from './live-ids.ts';

/** The functions through which an audit reads your vector store. */
export interface AuditedStore {
  /** Yields every id in the store, in lists of any length. */
  listIds(): AsyncIterable<readonly VectorIdInput[]>;
  /** Returns those of `ids` that are in the store, in any order and spelling. */
  existing(ids: string[]): Promise<readonly VectorIdInput[]>;
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

export interface AuditReport extends AuditProgress {
  /** Vectors of indexed pages that are not in the store. */
  missing: { vectors: number; pages: number; sample: VectorLocation[] };
  /** Ids in the store that no page has and that do not wait in `vector_orphans`. */
  untracked: { vectors: number; sample: string[] };
}

export interface AuditOptions {
  /** How many ids one call of `existing` and one lookup get. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many missing and how many untracked ids the report lists. {@defaultValue 10} */
  sampleSize?: number | undefined;
  /** Makes pages with missing vectors pending again, so that `findPending` returns them. */
  markMissingPending?: boolean | undefined;
  /**
   * Queues untracked ids for the next purge. Use it only if every ingest records its pages before it writes
   * their vectors. Otherwise the vectors of a page that is being ingested look untracked.
   */
  queueUntracked?: boolean | undefined;
  /** Stops the audit, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each lookup. */
  onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** {@defaultValue the package's own tables} */
  tables?: VectorTables | undefined;
}

/** How many pages one query reads. */
const pagesPerQuery = 100;

/** How many batches of doubtful ids are looked up in the queue at once. Each lookup reads the whole queue. */
const batchesPerQueueLookup = 10;

/**
 * Compares the ledger with the vector store in both directions, while both are in use.
 *
 * Pending pages do not count as missing, and ids that wait for a purge do not count as untracked. Before
 * the audit reports a difference it looks again, because the two sides may have changed in between. Memory
 * use does not grow with the ledger or the store. Purge first: queued ids have no index, so a long queue
 * makes the audit slow.
 *
 * @throws The errors of the store's functions, unchanged.
 * @example
 * const { missing, untracked } = await auditVectors(db, {
 *   listIds: () => scrollAllPointIds(qdrant),
 *   existing: (ids) => findPointIds(qdrant, ids),
 * });
 */
export async function auditVectors(
  db: Db,
  store: AuditedStore,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const { batchIds = 1_000, sampleSize = 10, signal, tables = defaultTables } = options;
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  requireInteger(sampleSize, ['options', 'sampleSize'], { min: 0 });
  const report: AuditReport = {
    pages: 0,
    vectors: 0,
    stored: 0,
    missing: { vectors: 0, pages: 0, sample: [] },
    untracked: { vectors: 0, sample: [] },
  };
  const audit: Audit = {
    ledger: { db, tables },
    store,
    options: { ...options, batchIds, sampleSize },
    report,
    step: () =>
      runCallback(() => {
        signal?.throwIfAborted();
        const { pages, vectors, stored } = report;
        options.onProgress?.({ pages, vectors, stored });
      }),
  };
  return withLedgerErrors(async () => {
    await findMissing(audit);
    await findUntracked(audit);
    return report;
  });
}

/** An audit that is under way. */
interface Audit {
  ledger: { db: Db; tables: VectorTables };
  store: AuditedStore;
  options: AuditOptions & { batchIds: number; sampleSize: number };
  report: AuditReport;
  /** Runs after each lookup: stops if the caller asked for it, and reports the progress. */
  step(): Promise<void>;
}

async function findMissing(audit: Audit): Promise<void> {
  const { ledger, report, options } = audit;
  const { db, tables } = ledger;
  const indexed = streamPages(db, tables, isNotNull(tables.vectors.indexedAt), pagesPerQuery);
  const batches = batchesOf(indexed, {
    maxItems: Number.POSITIVE_INFINITY,
    maxSize: options.batchIds,
    sizeOf: ({ vectorIds }) => vectorIds.length,
  });
  for await (const pages of batches) {
    const inStore = await findInStore(
      audit,
      pages.flatMap(({ vectorIds }) => vectorIds),
    );
    const suspects = pages.filter((page) =>
      page.vectorIds.some((id) => !inStore.has(canonicalId(id))),
    );
    await reportMissing(audit, suspects, inStore);
    report.pages += pages.length;
    report.vectors += pages.reduce((sum, { vectorIds }) => sum + vectorIds.length, 0);
    await audit.step();
  }
}

/** Reports the suspects that are still recorded and indexed with the same ids. */
async function reportMissing(
  audit: Audit,
  suspects: readonly PageVectors[],
  inStore: ReadonlySet<string>,
): Promise<void> {
  if (suspects.length === 0) return;
  const { missing } = audit.report;
  const { db, tables } = audit.ledger;
  const recorded = await selectPages(db, tables, isOneOf(tables, suspects));
  const current = new Map(recorded.map((page) => [keyOf(page), page]));
  const affected = suspects.filter((suspect) => {
    const page = current.get(keyOf(suspect));
    return page?.indexedAt && sameIds(page.vectorIds, suspect.vectorIds);
  });
  for (const { docId, page, vectorIds } of affected) {
    missing.pages += 1;
    vectorIds.forEach((vectorId, patch) => {
      if (inStore.has(canonicalId(vectorId))) return;
      missing.vectors += 1;
      if (missing.sample.length < audit.options.sampleSize) {
        missing.sample.push({ vectorId, docId, page, patch });
      }
    });
  }
  if (audit.options.markMissingPending && affected.length > 0) {
    await db.update(tables.vectors).set({ indexedAt: null }).where(isOneOf(tables, affected));
  }
}

async function findUntracked(audit: Audit): Promise<void> {
  const { db, tables } = audit.ledger;
  const { batchIds } = audit.options;
  // Ids that no page has. They wait for a purge, or they are untracked.
  let doubtful: string[] = [];
  for await (const ids of batchesOf(idsInStore(audit.store), { maxItems: batchIds })) {
    const live = await findLiveIds(db, tables, ids);
    doubtful.push(...ids.filter((id) => !live.has(id)));
    if (doubtful.length >= batchIds * batchesPerQueueLookup) {
      await reportUntracked(audit, doubtful);
      doubtful = [];
    }
    audit.report.stored += ids.length;
    await audit.step();
  }
  await reportUntracked(audit, doubtful);
}

/** Reports the doubtful ids that do not wait for a purge and are still in the store. */
async function reportUntracked(audit: Audit, doubtful: readonly string[]): Promise<void> {
  if (doubtful.length === 0) return;
  const { db, tables } = audit.ledger;
  const { sample } = audit.report.untracked;
  const tracked = await findTrackedIds(db, tables, doubtful);
  const unknown = doubtful.filter((id) => !tracked.has(id));
  // A purge may have deleted an id after the store listed it.
  const inStore = await findInStore(audit, unknown);
  const untracked = unknown.filter((id) => inStore.has(canonicalId(id)));

  audit.report.untracked.vectors += untracked.length;
  sample.push(...untracked.slice(0, audit.options.sampleSize - sample.length));
  if (audit.options.queueUntracked) await queueOrphans(db, tables, groupByPage(untracked));
}

/** Groups ids by the page that they name. Ids that name no page are queued under document 0, page 0. */
function groupByPage(
  ids: readonly string[],
): { docId: number; page: number; vectorIds: string[] }[] {
  const groups = new Map<string, { docId: number; page: number; vectorIds: string[] }>();
  for (const id of ids) {
    const { docId, page } = parsePatchVectorIdInAnySpelling(id) ?? { docId: 0, page: 0 };
    const key = keyOf({ docId, page });
    const group = groups.get(key) ?? { docId, page, vectorIds: [] };
    group.vectorIds.push(id);
    groups.set(key, group);
  }
  return [...groups.values()];
}

/** Those of the ids that are in the store, in their canonical form. */
async function findInStore(
  { store, options }: Audit,
  ids: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const batch of slicesOf(ids, options.batchIds)) {
    const existing = await runCallback(() => store.existing(batch));
    for (const id of checkVectorIds(existing, ['store', 'existing'])) found.add(canonicalId(id));
  }
  return found;
}

async function* idsInStore(store: AuditedStore): AsyncGenerator<string> {
  for await (const ids of readCallback(store.listIds())) {
    yield* checkVectorIds(ids, ['store', 'listIds']);
  }
}
