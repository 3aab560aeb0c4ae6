import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { requireOptions } from '../require.ts';
import { readShape } from '../scale/shape.ts';
import { requireLedger, tablesOf, type VectorTables } from '../tables.ts';
import { uniform } from '../uniform-db.ts';
import { findBlindSpots } from './blind-spots.ts';
import { readLedgerObjects } from './catalog.ts';
import { fixFor } from './drift-fix.ts';
import { expectedObjects } from './schema-file.ts';

/** An object of the ledger that differs from what the migrations created. */
export interface SchemaDrift {
  /** Its kind and name: `index ix_vectors_doc_page`. */
  object: string;
  problem: 'missing' | 'changed';
  /** The definition that the migrations created. */
  expected: string;
  /** The definition in the database. Absent if the object is missing. */
  found?: string;
  /** What to do: a statement to run, or a sentence. */
  fix: string;
}

/**
 * Finds what is missing or was changed in a ledger that was created with your own migrations: columns, constraints,
 * indexes, triggers, functions, the view, and what makes a ledger lose ids unnoticed. Objects that you added are not
 * drift. `migrationStatus` returns the same for the package's own ledger.
 *
 * @returns An empty array if the ledger is as it should be.
 * @example
 * for (const { object, problem, fix } of await ledgerDrift(db, { ledger })) {
 *   console.warn(`${object} is ${problem}: ${fix}`);
 * }
 */
export async function ledgerDrift<DocId extends DocumentId = number>(
  hostDb: Db,
  options: {
    /** What `defineLedger` returned. {@defaultValue the package's own tables} */
    ledger?: Ledger<DocId> | undefined;
  } = {},
): Promise<SchemaDrift[]> {
  const db = uniform(hostDb);
  requireOptions(options, { ledger: requireLedger });
  return withLedgerErrors(() => findSchemaDrift(db, tablesOf(options.ledger)));
}

/**
 * Finds the ledger's objects that are missing or changed, in a database with all of its migrations.
 *
 * Objects that the host added, such as an index or a column, do not count as drift unless they make the ledger
 * lose ids.
 */
export async function findSchemaDrift(db: Db, tables: VectorTables): Promise<SchemaDrift[]> {
  const shape = await readShape(db, tables);
  const objects = await readLedgerObjects(db, tables);
  const definitions = new Map(objects.map(({ object, definition }) => [object, definition]));
  const changed = expectedObjects(tables, shape).flatMap(({ object, definition: expected }) => {
    const found = definitions.get(object);
    if (found === expected) return [];
    const difference: Omit<SchemaDrift, 'fix'> =
      found === undefined
        ? { object, problem: 'missing', expected }
        : { object, problem: 'changed', expected, found };
    return [{ ...difference, fix: fixFor(difference, objects, tables) }];
  });
  return [...changed, ...(await findBlindSpots(db, tables))];
}
