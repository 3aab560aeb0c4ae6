import type { Db } from '../db.ts';
import { findBlindSpots } from './blind-spots.ts';
import { readLedgerObjects } from './catalog.ts';
import { readSchemaFile } from './schema-file.ts';

/** An object of the ledger that differs from what the migrations created. */
export interface SchemaDrift {
  /** Its kind and name: `index ix_vectors_doc_page`. */
  object: string;
  problem: 'missing' | 'changed';
  /** The definition that the migrations created. */
  expected: string;
  /** The definition in the database. Absent if the object is missing. */
  found?: string;
}

/**
 * Finds the ledger's objects that are missing or changed in a fully migrated database.
 *
 * Objects that the host added, such as an index or a column, do not count as drift unless they make the ledger
 * lose ids.
 */
export async function findSchemaDrift(db: Db): Promise<SchemaDrift[]> {
  const objects = await readLedgerObjects(db);
  const definitions = new Map(objects.map(({ object, definition }) => [object, definition]));
  const changed = readSchemaFile().flatMap(({ object, definition: expected }): SchemaDrift[] => {
    const found = definitions.get(object);
    if (found === undefined) return [{ object, problem: 'missing', expected }];
    return found === expected ? [] : [{ object, problem: 'changed', expected, found }];
  });
  return [...changed, ...(await findBlindSpots(db))];
}
