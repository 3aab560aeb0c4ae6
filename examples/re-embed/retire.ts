import { auditVectors, type Db, purgeOrphans } from '../../src/index.ts';
import type { Collection } from './collection.ts';

/** Deletes the pages and all vectors of a collection that nobody uses any more. */
export async function retire(db: Db, collection: Collection): Promise<void> {
  const { ledger, deleteVectors } = collection;
  await db.delete(ledger.vectors); // triggers queue the ids of all pages
  // Also queues vectors that no page has, for example those that a crashed ingest left.
  await auditVectors(db, collection, { ledger, queueUntracked: true, maxUntrackedShare: 1 });
  const { remaining } = await purgeOrphans(db, deleteVectors, { ledger });
  const { stored } = await auditVectors(db, collection, { ledger });
  if (remaining + stored > 0) throw new Error(`${remaining} rows and ${stored} vectors are left`);
}
