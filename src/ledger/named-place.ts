import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import type { PatchPlace } from '../ids/patch-id-layout.ts';
import type { VectorTables } from '../tables.ts';

/** The place that a patch id names in the ledger, in any spelling. Patch ids only name documents with integer keys. */
export function namedPlace({ keyType }: VectorTables, id: string): PatchPlace | undefined {
  return keyType === 'integer' ? parsePatchVectorIdInAnySpelling(id) : undefined;
}
