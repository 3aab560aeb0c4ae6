import { defineLedger } from 'colpali-vectors/schema';
import { bigint, pgTable } from 'drizzle-orm/pg-core';

export const scans = pgTable('scans', {
  id: bigint({ mode: 'bigint' })
    .primaryKey()
    .generatedAlwaysAsIdentity({ startWith: '9007199254740992' }),
});
export const ledger = defineLedger({ documents: scans.id, name: 'scan_pages' });
export const { vectors: scanPages, vectorOrphans: scanPagesOrphans } = ledger;
