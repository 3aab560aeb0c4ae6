import { isNotNull } from 'drizzle-orm';
import { batchesOf } from '../batches.ts';
import type { DocumentId } from '../document-id.ts';
import { canonicalId } from '../ids/spellings.ts';
import { keyOf, keysAsJson, sameIds } from '../ledger/page.ts';
import { decodePages, isOneOf, selectPages, streamPages } from '../ledger/read-pages.ts';
import type { PageVectors } from '../schema.ts';
import { type Audit, findInStore } from './audit-context.ts';

/** How many pages one query reads. */
const pagesPerQuery = 100;
/** How many pages are looked up in the store together, at most. */
const pagesPerBatch = 1_000;

/** Looks up the vectors of all indexed pages in the store, and reports those that are missing. */
export async function findMissing(audit: Audit): Promise<void> {
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
  suspects: readonly PageVectors<DocumentId>[],
  inStore: ReadonlySet<string>,
): Promise<void> {
  if (suspects.length === 0) return;
  const { missing } = audit.report;
  const { db, tables } = audit.ledger;
  const found = await selectPages(db, tables, isOneOf(tables, keysAsJson(suspects)));
  const recorded = await decodePages(found);
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
    await db
      .update(tables.vectors)
      .set({ indexedAt: null })
      .where(isOneOf(tables, keysAsJson(affected)));
  }
}
