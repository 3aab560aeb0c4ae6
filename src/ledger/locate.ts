import { parsePatchVectorId } from '../ids/patch-id.ts';
import { elementsOfIds, positionOf, type StoredVectorId } from '../ids/runs.ts';
import { spellings } from '../ids/spellings.ts';
import type { PageKey } from '../require.ts';
import type { PageStatements } from './page-statements.ts';
import { keyOf } from './read-pages.ts';

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
 * are found through the index on `vector_ids`: as they are, and those left over in their other spellings.
 */
export async function locateVectors(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<(VectorLocation | undefined)[]> {
  const found = new Map<string, VectorLocation>();
  const left = () => [...new Set(vectorIds)].filter((id) => !found.has(id));

  for (const location of await locateComputed(statements, left())) {
    found.set(location.vectorId, location);
  }
  const asTheyAre = new Map(left().map((id) => [id, [id]]));
  for (const location of await locateThroughIndex(statements, asTheyAre)) {
    found.set(location.vectorId, location);
  }
  const otherwise = new Map<string, string[]>();
  for (const id of left()) {
    for (const spelling of spellings(id)) {
      if (spelling !== id) otherwise.set(spelling, [...(otherwise.get(spelling) ?? []), id]);
    }
  }
  for (const location of await locateThroughIndex(statements, otherwise)) {
    found.set(location.vectorId, location);
  }
  return vectorIds.map((id) => found.get(id));
}

/** Those of the ids that stand on the page which they name. */
async function locateComputed(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<VectorLocation[]> {
  const named = vectorIds.flatMap((vectorId) => {
    const place = parseAnySpelling(vectorId);
    return place === undefined ? [] : [{ vectorId, key: keyOf(place), ...place }];
  });
  if (named.length === 0) return [];

  const keys = [...new Map(named.map((place) => [place.key, place])).values()];
  const rows = await statements.storedByKeys().execute({
    docIds: keys.map(({ docId }) => docId),
    pages: keys.map(({ page }) => page),
  });
  const pages = new Map(rows.map((row) => [keyOf(row), row.stored]));
  return named.flatMap(({ vectorId, key, docId, page }) => {
    const stored = pages.get(key);
    if (stored === undefined) return [];
    const patch = positionInAnySpelling(stored, vectorId);
    return patch < 0 ? [] : [{ vectorId, docId, page, patch }];
  });
}

/** Where the id stands, as it is or in one of its other spellings; -1 where it does not. */
function positionInAnySpelling(stored: readonly StoredVectorId[], id: string): number {
  const asItIs = positionOf(stored, id);
  if (asItIs >= 0) return asItIs;
  const positions = spellings(id).map((spelling) => positionOf(stored, spelling));
  return positions.find((position) => position >= 0) ?? -1;
}

/** What `parsePatchVectorId` says of the id, or of one of its spellings. */
function parseAnySpelling(id: string): PageKey | undefined {
  return (
    parsePatchVectorId(id) ??
    // Without dashes or in upper case: those that are written as usual need no second look.
    (id.length === 32 || /[A-F]/.test(id)
      ? spellings(id)
          .map(parsePatchVectorId)
          .find((place) => place !== undefined)
      : undefined)
  );
}

/**
 * The first page, by document and page, that holds each of the spellings.
 *
 * @param wanted - From a spelling to the ids that were asked for and may be written so.
 */
async function locateThroughIndex(
  statements: PageStatements,
  wanted: ReadonlyMap<string, readonly string[]>,
): Promise<Iterable<VectorLocation>> {
  const found = new Map<string, VectorLocation>();
  if (wanted.size === 0) return [];
  const { elements, idsOf } = elementsOfIds(wanted.keys());
  const rows = await statements
    .storedWithElements()
    .execute({ elements: JSON.stringify(elements) });
  for (const { docId, page, stored, elements } of rows) {
    for (const spelling of elements.flatMap(idsOf)) {
      const patch = positionOf(stored, spelling);
      for (const vectorId of wanted.get(spelling) ?? []) {
        if (patch >= 0 && !found.has(vectorId))
          found.set(vectorId, { vectorId, docId, page, patch });
      }
    }
  }
  return found.values();
}
