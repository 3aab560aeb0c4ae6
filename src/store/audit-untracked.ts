import { batchesOf, slicesOf } from '../batches.ts';
import { readCallback } from '../callbacks.ts';
import type { DocumentId } from '../document-id.ts';
import { AuditError } from '../errors.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { canonicalId } from '../ids/spellings.ts';
import { groupByNamedPage } from '../ledger/named-pages.ts';
import { type OrphanedIds, queueOrphans } from '../ledger/orphans.ts';
import type { VectorTables } from '../tables.ts';
import type { SharedVectorId } from './audit.ts';
import { type Audit, findInStore } from './audit-context.ts';
import { findLiveIds } from './live-ids.ts';
import { removeQueuedIds } from './queued-ids.ts';
import { RecentIds } from './recent-ids.ts';

/** The most ids in one lookup in the ledger, so that its statement stays small. */
const maxIdsPerLookup = 5_000;

/** The audit reads the whole queue each time. So it first collects this many ids that no page has. */
const idsPerQueueScan = 200_000;

/** Looks up every id of the store in the ledger, and reports shared and untracked ids. */
export async function findUntracked(audit: Audit): Promise<void> {
  const { untracked } = audit.report;
  for await (const ids of untrackedIds(audit, (found) => reportLookup(audit, found))) {
    untracked.vectors += ids.length;
    audit.strays += groupByNamedPage(audit.ledger.tables, ids).others.length;
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

/** @throws {AuditError} The share of untracked ids is too large, or a distributed ledger cannot queue some of them. */
export async function queueUntracked(audit: Audit, maxShare: number): Promise<void> {
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
  if (audit.strays > 0 && audit.isDistributed) {
    throw new AuditError(
      `${audit.strays} of the untracked ids name no page, and a distributed ledger cannot queue them: ` +
        'delete them in the store yourself. Nothing was queued.',
      { stored, untracked: untracked.vectors, sample: untracked.sample },
    );
  }
  for await (const ids of untrackedIds(audit, () => audit.step())) {
    await queueOrphans(db, tables, underTheirPages(tables, ids));
    untracked.queued += ids.length;
  }
}

/** One batch of ids of the store, after they were looked up on the pages. */
interface Lookup {
  ids: string[];
  shared: SharedVectorId<DocumentId>[];
}

/** Lists the store, and yields the ids that no page has, that are not queued, and that are still in the store. */
async function* untrackedIds(
  audit: Audit,
  onLookup: (lookup: Lookup) => Promise<void>,
): AsyncGenerator<string[]> {
  const { db, tables } = audit.ledger;
  const maxItems = Math.min(audit.options.batchIds, maxIdsPerLookup);
  let doubtful: string[] = [];
  for await (const ids of batchesOf(idsInStore(audit), { maxItems })) {
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

/** Yields those of the doubtful ids that are untracked, in batches. An id is doubtful if no page had it. */
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

/** Groups ids under the pages that they name. Ids that name no page become strays. */
function underTheirPages(tables: VectorTables, ids: readonly string[]): OrphanedIds[] {
  const { pages, others } = groupByNamedPage(tables, ids);
  const named = Array.from(pages.values(), ({ docId, page, ids }) => ({
    docId,
    page,
    vectorIds: ids,
  }));
  return others.length === 0 ? named : [...named, { docId: null, page: null, vectorIds: others }];
}

/** Yields the ids of the store. Skips an id that was listed shortly before: several stores list some ids twice. */
async function* idsInStore({ store, options }: Audit): AsyncGenerator<string> {
  const recent = new RecentIds();
  for await (const ids of readCallback(
    () => store.listIds({ signal: options.signal }),
    ['store', 'listIds'],
  )) {
    for (const id of checkVectorIds(ids, ['store', 'listIds'])) {
      if (recent.add(canonicalId(id))) yield id;
    }
  }
}
