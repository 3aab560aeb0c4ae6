import type { Db } from '../db.ts';
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
 * Objects that the host added, such as an index, a column or a trigger, do not count as drift.
 */
export async function findSchemaDrift(db: Db): Promise<SchemaDrift[]> {
  const objects = await readLedgerObjects(db);
  const definitions = new Map(objects.map(({ object, definition }) => [object, definition]));
  return readSchemaFile().flatMap(({ object, definition: expected }): SchemaDrift[] => {
    const found = definitions.get(object);
    if (found === undefined) return [{ object, problem: 'missing', expected }];
    return found === expected ? [] : [{ object, problem: 'changed', expected, found }];
  });
}
