/** Compares the ledger with the vector store, in both directions. */
import { isNotNull } from 'drizzle-orm';
import { batchesOf, slicesOf } from '../batches.ts';
import { readCallback, runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { AuditError, InvalidInputError } from '../errors.ts';
import { checkVectorIds, type VectorIdInput } from '../ids/check-vector-ids.ts';
import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import { canonicalId } from '../ids/spellings.ts';
import type { VectorLocation } from '../ledger/locate.ts';
import { type OrphanedIds, queueOrphans } from '../ledger/orphans.ts';
import { keyOf, type PageKey, sameIds } from '../ledger/page.ts';
import { isOneOf, selectPages, streamPages } from '../ledger/read-pages.ts';
import { requireTriggers } from '../ledger/require-triggers.ts';
import { requireFunction, requireInteger, requireObject } from '../require.ts';
import type { PageVectors } from '../schema.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { findLiveIds } from './live-ids.ts';
import { removeQueuedIds } from './queued-ids.ts';
import { RecentIds } from './recent-ids.ts';

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
  untracked: { vectors: number; sample: string[]; queued: number };
  /** Ids that several pages have. In the store, the vectors of one page have overwritten those of the others. */
  shared: { vectors: number; sample: SharedVectorId[] };
}

/** An id that several pages have. */
export interface SharedVectorId {
  vectorId: string;
  pages: PageKey[];
}

export interface AuditOptions {
  /** How many ids one call of `existing` and one lookup get. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many ids of each kind the report lists. {@defaultValue 10} */
  sampleSize?: number | undefined;
  /** Makes pages with missing vectors pending again, so that `findPending` returns them. */
  markMissingPending?: boolean | undefined;
  /**
   * Queues untracked ids for the next purge. Use it only if every ingest records its pages before it writes
   * their vectors. Otherwise the vectors of a page that is being ingested look untracked. The audit then lists
   * the store twice: it queues nothing before it knows their share.
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
  /** {@defaultValue the package's own tables} */
  tables?: VectorTables | undefined;
}

/** How many pages one query reads and one batch has. */
const pagesPerQuery = 100;
const pagesPerBatch = 1_000;

/** How many ids one lookup in the ledger gets, so that its statement stays small. */
const maxIdsPerLookup = 5_000;

/** How many doubtful ids wait until the queue is read for them. Each time the whole queue is read. */
const idsPerQueueScan = 200_000;

/**
 * Compares the ledger with the vector store in both directions, while both are in use.
 *
 * Pending pages do not count as missing, and ids that wait for a purge do not count as untracked. Before
 * the audit reports a difference it looks again, because the two sides may have changed in between. Memory
 * use does not grow with the ledger, the queue or the store.
 *
 * @throws {AuditError} `queueUntracked` would queue a larger share than `maxUntrackedShare`. Nothing was queued.
 * @throws {MigrationError} A trigger is missing or disabled.
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
  requireObject(store, ['store']);
  requireFunction(store.listIds, ['store', 'listIds']);
  requireFunction(store.existing, ['store', 'existing']);
  const { batchIds = 1_000, sampleSize = 10, maxUntrackedShare = 0.1, signal } = options;
  const { tables = defaultTables, onProgress } = options;
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  requireInteger(sampleSize, ['options', 'sampleSize'], { min: 0 });
  if (!(maxUntrackedShare >= 0 && maxUntrackedShare <= 1)) {
    throw new InvalidInputError(['options', 'maxUntrackedShare'], 'must be a number from 0 to 1');
  }
  if (onProgress !== undefined) requireFunction(onProgress, ['options', 'onProgress']);

  const report: AuditReport = {
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
    options: { ...options, batchIds, sampleSize },
    report,
    step: () =>
      runCallback(() => {
        signal?.throwIfAborted();
        const { pages, vectors, stored } = report;
        onProgress?.({ pages, vectors, stored });
      }),
  };
  return withLedgerErrors(async () => {
    await requireTriggers(db, tables);
    await findMissing(audit);
    await findUntracked(audit);
    if (options.queueUntracked) await queueUntracked(audit, maxUntrackedShare);
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
    maxItems: pagesPerBatch,
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

/** Looks every id of the store up in the ledger, and reports shared and untracked ids. */
async function findUntracked(audit: Audit): Promise<void> {
  const { untracked } = audit.report;
  for await (const ids of untrackedIds(audit, (found) => reportLookup(audit, found))) {
    untracked.vectors += ids.length;
    untracked.sample.push(...ids.slice(0, audit.options.sampleSize - untracked.sample.length));
  }
}

async function reportLookup(audit: Audit, { ids, shared }: Lookup): Promise<void> {
  const { report, options } = audit;
  report.stored += ids.length;
  report.shared.vectors += shared.length;
  report.shared.sample.push(...shared.slice(0, options.sampleSize - report.shared.sample.length));
  await audit.step();
}

/** @throws {AuditError} The share of untracked ids is too large. */
async function queueUntracked(audit: Audit, maxShare: number): Promise<void> {
  const { stored, untracked } = audit.report;
  if (untracked.vectors > stored * maxShare) {
    throw new AuditError(
      `${untracked.vectors} of the ${stored} ids in the store are untracked, more than maxUntrackedShare (${maxShare}): ` +
        'check that listIds reads the collection of this ledger. Nothing was queued.',
      { stored, untracked: untracked.vectors, sample: untracked.sample },
    );
  }
  if (untracked.vectors === 0) return;
  const { db, tables } = audit.ledger;
  for await (const ids of untrackedIds(audit, () => audit.step())) {
    await queueOrphans(db, tables, groupByPage(ids));
    untracked.queued += ids.length;
  }
}

/** One batch of ids of the store, after they were looked up on the pages. */
interface Lookup {
  ids: string[];
  shared: SharedVectorId[];
}

/** Lists the store, and yields the ids that no page has, that are not queued, and that are still in the store. */
async function* untrackedIds(
  audit: Audit,
  onLookup: (lookup: Lookup) => Promise<void>,
): AsyncGenerator<string[]> {
  const { db, tables } = audit.ledger;
  const maxItems = Math.min(audit.options.batchIds, maxIdsPerLookup);
  let doubtful: string[] = [];
  for await (const ids of batchesOf(idsInStore(audit.store), { maxItems })) {
    const live = await findLiveIds(db, tables, ids);
    const shared = ids.flatMap((vectorId) => {
      const pages = live.get(vectorId) ?? [];
      return pages.length > 1 ? { vectorId, pages: [...pages] } : [];
    });
    for (const id of ids) if (!live.has(id)) doubtful.push(id);
    if (doubtful.length >= idsPerQueueScan) {
      yield* stillUntracked(audit, doubtful);
      doubtful = [];
    }
    await onLookup({ ids, shared });
  }
  yield* stillUntracked(audit, doubtful);
}

/** Those of the ids that no page had which are really untracked, in batches. */
async function* stillUntracked(audit: Audit, doubtful: string[]): AsyncGenerator<string[]> {
  if (doubtful.length === 0) return;
  const { db, tables } = audit.ledger;
  const unknown = await removeQueuedIds(db, tables, doubtful);
  const size = Math.min(audit.options.batchIds, maxIdsPerLookup);
  for (const ids of slicesOf(unknown, size)) {
    // Look again: a page may have been recorded since, and a purge may have deleted ids since they were listed.
    const live = await findLiveIds(db, tables, ids);
    const inStore = await findInStore(
      audit,
      ids.filter((id) => !live.has(id)),
    );
    const untracked = ids.filter((id) => !live.has(id) && inStore.has(canonicalId(id)));
    if (untracked.length > 0) yield untracked;
  }
}

/** Groups ids by the page that they name. Ids that name no page are strays. */
function groupByPage(ids: readonly string[]): OrphanedIds[] {
  const groups = new Map<string, OrphanedIds & { vectorIds: string[] }>();
  for (const id of ids) {
    const place = parsePatchVectorIdInAnySpelling(id);
    const key = place === undefined ? '' : keyOf(place);
    const group = groups.get(key);
    if (group !== undefined) group.vectorIds.push(id);
    else
      groups.set(key, { docId: place?.docId ?? null, page: place?.page ?? null, vectorIds: [id] });
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

/** The ids of the store. An id that is listed again soon is left out: several stores list some ids twice. */
async function* idsInStore(store: AuditedStore): AsyncGenerator<string> {
  const recent = new RecentIds();
  for await (const ids of readCallback(store.listIds())) {
    for (const id of checkVectorIds(ids, ['store', 'listIds'])) {
      if (recent.add(canonicalId(id))) yield id;
    }
  }
}
