import { slicesOf } from '../batches.ts';
import { runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { canonicalId } from '../ids/spellings.ts';
import type { VectorTables } from '../tables.ts';
import type { AuditedStore, AuditReport } from './audit.ts';

/** An audit that is under way. */
export interface Audit {
  ledger: { db: Db; tables: VectorTables };
  store: AuditedStore;
  options: {
    batchIds: number;
    sampleSize: number;
    markMissingPending: boolean | undefined;
    signal: AbortSignal;
  };
  report: AuditReport<DocumentId>;
  isDistributed: boolean;
  /** How many of the untracked ids name no page. */
  strays: number;
  /** Runs after each lookup: stops if the caller asked for it, and reports the progress. */
  step(): Promise<void>;
}

/** Returns those of the ids that are in the store, in their canonical form. */
export async function findInStore(
  { store, options }: Audit,
  ids: readonly string[],
): Promise<Set<string>> {
  const found = new Set<string>();
  for (const batch of slicesOf(ids, options.batchIds)) {
    const { signal } = options;
    const existing = await runCallback(() => {
      signal.throwIfAborted();
      return store.existing(batch, { signal });
    });
    for (const id of checkVectorIds(existing, ['store', 'existing'])) found.add(canonicalId(id));
  }
  return found;
}
