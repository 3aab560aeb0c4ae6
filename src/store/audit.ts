import { isNotNull } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { asCaller, itemsOfCaller, withLedgerErrors } from '../errors.ts';
import { parsePatchVectorId } from '../ids/patch-id.ts';
import { sameIds } from '../ids/runs.ts';
import { canonicalId, spellings } from '../ids/spellings.ts';
import type { VectorLocation } from '../ledger/locate.ts';
import { isOneOf, keyOf, selectPages, streamPages } from '../ledger/read-pages.ts';
import { checkVectorIds, requireInteger, type VectorIdInput } from '../require.ts';
import type { PageVectors } from '../schema.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { findLiveIds, findTrackedIds } from './live-ids.ts';
import { queueOrphans } from './purge.ts';

/** What an audit asks of a vector store: two functions of the caller's. */
export interface AuditedStore {
  /** Every id that the store holds, in lists of any length. */
  listIds(): AsyncIterable<readonly VectorIdInput[]>;
  /** Those of `ids` that the store holds, in any order and spelling. */
  existing(ids: string[]): Promise<readonly VectorIdInput[]>;
}

export interface AuditProgress {
  /** Indexed pages of the ledger that have been looked up in the store. */
  pages: number;
  /** Their vectors. */
  vectors: number;
  /** Ids of the store that have been looked up in the ledger. */
  stored: number;
}

export interface AuditReport extends AuditProgress {
  /** Vectors of indexed pages that the store does not hold. */
  missing: { vectors: number; pages: number; sample: VectorLocation[] };
  /** Ids in the store that no page has and that do not wait in `vector_orphans`. */
  untracked: { vectors: number; sample: string[] };
}

export interface AuditOptions {
  /** Ids in one call of `existing` and in one look-up. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** How many missing and how many untracked ids the report names. {@defaultValue 10} */
  sampleSize?: number | undefined;
  /** Set pages with missing vectors back to pending: `findPending` gives them to be written again. */
  markMissingPending?: boolean | undefined;
  /**
   * Queue untracked ids as orphans: the next purge deletes them. Only where every ingest records first
   * and writes afterwards; otherwise vectors of a page that is just being ingested look untracked.
   */
  queueUntracked?: boolean | undefined;
  /** Stops the audit, which rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each look-up. */
  onProgress?: ((progress: AuditProgress) => void) | undefined;
  /** {@defaultValue the package's own} */
  tables?: VectorTables | undefined;
}

/** Pages read at once, and look-ups whose doubtful ids are decided together. */
const batchPages = 100;
const batchLookUps = 10;

/**
 * Compares the ledger with the vector store, both ways, while both are in use.
 *
 * Pending pages are not missed, and ids that wait for a purge are not untracked. What looks wrong is
 * looked at once more before it is reported, since it may have changed between the two sides. Memory
 * does not grow with ledger or store. Purge first: waiting ids have no index, and a large queue is
 * read again for every few thousand of them.
 *
 * @throws What the store's functions throw.
 */
export async function auditVectors(
  db: Db,
  store: AuditedStore,
  options: AuditOptions = {},
): Promise<AuditReport> {
  const { batchIds = 1_000, sampleSize = 10, signal } = options;
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  requireInteger(sampleSize, ['options', 'sampleSize'], { min: 0 });
  const audit: Audit = {
    db,
    store,
    tables: options.tables ?? defaultTables,
    batchIds,
    sampleSize,
    markMissingPending: options.markMissingPending ?? false,
    queueUntracked: options.queueUntracked ?? false,
    report: {
      pages: 0,
      vectors: 0,
      stored: 0,
      missing: { vectors: 0, pages: 0, sample: [] },
      untracked: { vectors: 0, sample: [] },
    },
    step: () =>
      asCaller(() => {
        signal?.throwIfAborted();
        const { pages, vectors, stored } = audit.report;
        options.onProgress?.({ pages, vectors, stored });
      }),
  };
  return withLedgerErrors(async () => {
    await findMissing(audit);
    await findUntracked(audit);
    return audit.report;
  });
}

/** An audit under way. */
interface Audit {
  db: Db;
  store: AuditedStore;
  tables: VectorTables;
  batchIds: number;
  sampleSize: number;
  markMissingPending: boolean;
  queueUntracked: boolean;
  report: AuditReport;
  /** After each look-up: stops where the caller has asked for it, and tells how far it is. */
  step(): Promise<void>;
}

async function findMissing(audit: Audit): Promise<void> {
  const { db, tables, report } = audit;
  const indexed = streamPages(db, tables, isNotNull(tables.vectors.indexedAt), batchPages);
  for await (const pages of inBatches(
    indexed,
    ({ vectorIds }) => vectorIds.length,
    audit.batchIds,
  )) {
    const held = await existing(
      audit,
      pages.flatMap(({ vectorIds }) => vectorIds),
    );
    const suspects = pages.filter((page) =>
      page.vectorIds.some((id) => !held.has(canonicalId(id))),
    );
    await reportMissing(audit, suspects, held);
    report.pages += pages.length;
    report.vectors += pages.reduce((sum, { vectorIds }) => sum + vectorIds.length, 0);
    await audit.step();
  }
}

/** Of the pages with missing vectors, those that are still recorded and indexed as they were read. */
async function reportMissing(
  audit: Audit,
  suspects: readonly PageVectors[],
  held: ReadonlySet<string>,
): Promise<void> {
  if (suspects.length === 0) return;
  const { db, tables, report, sampleSize } = audit;
  const now = new Map(
    (await selectPages(db, tables, isOneOf(tables, suspects))).map((page) => [keyOf(page), page]),
  );
  const affected = suspects.filter((page) => {
    const { vectorIds, indexedAt } = now.get(keyOf(page)) ?? { vectorIds: [], indexedAt: null };
    return indexedAt !== null && sameIds(vectorIds, page.vectorIds);
  });
  for (const { docId, page, vectorIds } of affected) {
    report.missing.pages += 1;
    vectorIds.forEach((vectorId, patch) => {
      if (held.has(canonicalId(vectorId))) return;
      report.missing.vectors += 1;
      if (report.missing.sample.length < sampleSize) {
        report.missing.sample.push({ vectorId, docId, page, patch });
      }
    });
  }
  if (audit.markMissingPending && affected.length > 0) {
    await db.update(tables.vectors).set({ indexedAt: null }).where(isOneOf(tables, affected));
  }
}

async function findUntracked(audit: Audit): Promise<void> {
  const { db, tables, batchIds, report } = audit;
  // Ids that no page has: few, or many that wait for a purge. Those are looked for in larger lots.
  let doubtful: string[] = [];
  for await (const ids of inBatches(storedIds(audit), () => 1, batchIds)) {
    const live = await findLiveIds(db, tables, ids);
    doubtful.push(...ids.filter((id) => !live.has(id)));
    if (doubtful.length >= batchIds * batchLookUps) {
      await reportUntracked(audit, doubtful);
      doubtful = [];
    }
    report.stored += ids.length;
    await audit.step();
  }
  await reportUntracked(audit, doubtful);
}

/** Of the ids that no page had: those that do not wait for a purge either, and are still in the store. */
async function reportUntracked(audit: Audit, doubtful: readonly string[]): Promise<void> {
  if (doubtful.length === 0) return;
  const { db, tables, report, sampleSize } = audit;
  // Pages and orphans in one statement: an id that a delete moves from one to the other is in either.
  const tracked = await findTrackedIds(db, tables, doubtful);
  const unknown = doubtful.filter((id) => !tracked.has(id));
  // A purge may have deleted an id since it was listed.
  const held = await existing(audit, unknown);
  const untracked = unknown.filter((id) => held.has(canonicalId(id)));

  report.untracked.vectors += untracked.length;
  report.untracked.sample.push(...untracked.slice(0, sampleSize - report.untracked.sample.length));
  if (audit.queueUntracked) await queueOrphans(db, tables, byPage(untracked));
}

/** The ids in lots of a page: computed ids name theirs, the others belong to none (document 0, page 0). */
function byPage(ids: readonly string[]): { docId: number; page: number; vectorIds: string[] }[] {
  const pages = new Map<string, { docId: number; page: number; vectorIds: string[] }>();
  for (const id of ids) {
    const place = spellings(id)
      .map(parsePatchVectorId)
      .find((parsed) => parsed !== undefined);
    const { docId, page } = place ?? { docId: 0, page: 0 };
    const key = keyOf({ docId, page });
    const lot = pages.get(key) ?? { docId, page, vectorIds: [] };
    lot.vectorIds.push(id);
    pages.set(key, lot);
  }
  return [...pages.values()];
}

/** Those of the ids that the store holds, in their canonical spelling. */
async function existing(audit: Audit, ids: readonly string[]): Promise<Set<string>> {
  const held = new Set<string>();
  for (let start = 0; start < ids.length; start += audit.batchIds) {
    const batch = ids.slice(start, start + audit.batchIds);
    const answer = await asCaller(() => audit.store.existing(batch));
    for (const id of checkVectorIds(answer, ['store', 'existing'])) held.add(canonicalId(id));
  }
  return held;
}

async function* storedIds({ store }: Audit): AsyncGenerator<string> {
  for await (const ids of itemsOfCaller(store.listIds())) {
    yield* checkVectorIds(ids, ['store', 'listIds']);
  }
}

/** Items in lists whose sizes add up to at least `size`, but for the last. */
async function* inBatches<T>(
  items: AsyncIterable<T>,
  sizeOf: (item: T) => number,
  size: number,
): AsyncGenerator<T[]> {
  let batch: T[] = [];
  let batchSize = 0;
  for await (const item of items) {
    batch.push(item);
    batchSize += sizeOf(item);
    if (batchSize >= size) {
      yield batch;
      batch = [];
      batchSize = 0;
    }
  }
  if (batch.length > 0) yield batch;
}
