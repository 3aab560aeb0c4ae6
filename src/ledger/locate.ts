import {
  findInAnySpelling,
  indexKeysOf,
  positionInAnySpelling,
  positionOf,
} from '../ids/lookup.ts';
import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import { keyOf, keysAsJson, type PageKey, uniqueKeys } from './page.ts';
import type { PageStatements } from './read-pages.ts';

/** Where a vector is. */
export interface VectorLocation extends PageKey {
  /** The id as it was given to `locate`. */
  vectorId: string;
  /** The vector's position among the page's vectors, from 0. */
  patch: number;
}

/** A location without the spelling of the id. */
type Place = Omit<VectorLocation, 'vectorId'>;

/**
 * Locates each id, in the order given; undefined for an id that no page has.
 *
 * Patch ids name the page to look at. All other ids, and patch ids that are not on that page, are found
 * through the index on `vector_ids`.
 */
export async function locateVectors(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<(VectorLocation | undefined)[]> {
  const onNamedPage = await locatePatchIds(statements, vectorIds);
  const others = vectorIds.filter((id) => !onNamedPage.has(id));
  const throughIndex = await findInAnySpelling(others, (spellings) =>
    locateThroughIndex(statements, spellings),
  );
  return vectorIds.map((vectorId) => {
    const place = onNamedPage.get(vectorId) ?? throughIndex.get(vectorId);
    return place && { vectorId, ...place };
  });
}

/** The places of the patch ids that are on the page they name. */
async function locatePatchIds(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<Map<string, Place>> {
  const named = new Map<string, PageKey>();
  for (const id of vectorIds) {
    const place = parsePatchVectorIdInAnySpelling(id);
    if (place !== undefined) named.set(id, place);
  }
  const found = new Map<string, Place>();
  if (named.size === 0) return found;

  const rows = await statements.storedByKeys({ keys: keysAsJson(uniqueKeys([...named.values()])) });
  const pages = new Map(rows.map((row) => [keyOf(row), row.stored]));
  for (const [id, { docId, page }] of named) {
    const stored = pages.get(keyOf({ docId, page }));
    const patch = stored === undefined ? -1 : positionInAnySpelling(stored, id);
    if (patch >= 0) found.set(id, { docId, page, patch });
  }
  return found;
}

/** The first place of each id exactly as it is written, by document and page. */
async function locateThroughIndex(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<Map<string, Place>> {
  const found = new Map<string, Place>();
  if (vectorIds.length === 0) return found;
  const { keys, idsOf } = indexKeysOf(vectorIds);
  const rows = await statements.storedByIndexKeys({ indexKeys: JSON.stringify(keys) });
  for (const { docId, page, stored, keys } of rows) {
    for (const id of keys.flatMap(idsOf)) {
      const patch = positionOf(stored, id);
      if (patch >= 0 && !found.has(id)) found.set(id, { docId, page, patch });
    }
  }
  return found;
}
