import { type SQL, sql } from 'drizzle-orm';
import type { Db } from './database.ts';
import { isOneOf, selectPages } from './pages.ts';
import { parsePatchVectorId } from './patch-id.ts';
import type { PageVectors } from './schema.ts';
import type { VectorTables } from './tables.ts';
import { spellings } from './uuid.ts';
import type { PageKey } from './validate.ts';
import { elementsThatMayHold } from './vector-ids.ts';

/** Where a vector belongs. */
export interface VectorLocation extends PageKey {
  /** The id as it was asked for. */
  vectorId: string;
  /** Position among the page's vectors, from 0. */
  patch: number;
}

/**
 * The place of each id in the ledger, in the order given; undefined for an id it does not hold.
 *
 * Computed ids name the page to look at. The others, and computed ids that their page does not hold,
 * are found through the index on `vector_ids`.
 */
export async function locateVectors(
  db: Db,
  tables: VectorTables,
  vectorIds: readonly string[],
): Promise<(VectorLocation | undefined)[]> {
  const found = new Map<string, VectorLocation>();
  const askedAs = new Map<string, Set<string>>();
  for (const id of vectorIds) {
    for (const spelling of spellings(id)) {
      askedAs.set(spelling, (askedAs.get(spelling) ?? new Set()).add(id));
    }
  }

  /** Notes the ids asked for that these pages hold; the first page that holds one has it. */
  function note(pages: readonly PageVectors[]): void {
    for (const { docId, page, vectorIds: ids } of pages) {
      ids.forEach((id, patch) => {
        for (const vectorId of askedAs.get(id) ?? []) {
          if (!found.has(vectorId)) found.set(vectorId, { vectorId, docId, page, patch });
        }
      });
    }
  }

  const computed = [...askedAs.keys()].flatMap((id) => parsePatchVectorId(id) ?? []);
  if (computed.length > 0) note(await selectPages(db, tables, isOneOf(tables, computed)));

  const rest = [...askedAs].filter(([, ids]) => [...ids].some((id) => !found.has(id)));
  if (rest.length > 0) {
    const mayBeOn = mayHoldOneOf(
      tables,
      rest.map(([spelling]) => spelling),
    );
    note(await selectPages(db, tables, mayBeOn));
  }
  return vectorIds.map((id) => found.get(id));
}

/** The condition that a page's stored list has an element which may stand for one of the ids. */
function mayHoldOneOf({ vectors }: VectorTables, ids: readonly string[]): SQL {
  const lists = new Set(
    ids.flatMap(elementsThatMayHold).map((element) => JSON.stringify([element])),
  );
  // Joined from the lists: `@> any (array)` would check every list against every row it finds.
  return sql`(${vectors.docId}, ${vectors.page}) in (
    select candidate.doc_id, candidate.page
    from unnest(${sql.param([...lists])}::text[]) as wanted (list)
    join ${vectors} as candidate on candidate.vector_ids @> wanted.list::jsonb
  )`;
}
