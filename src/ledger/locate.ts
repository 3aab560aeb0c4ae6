import { slicesOf } from '../batches.ts';
import { runCallback } from '../callbacks.ts';
import type { DocumentId } from '../document-id.ts';
import type { StoredVectorId } from '../ids/codec.ts';
import { countStoredIds, indexKeysOf, positionsOf } from '../ids/lookup.ts';
import { createPause } from '../pause.ts';
import { groupByNamedPage } from './named-pages.ts';
import { byKey, keyOf, keysAsJson, type PageKey } from './page.ts';
import type { PageStatements } from './read-pages.ts';

/** Where a vector is. */
export interface VectorLocation<DocId extends DocumentId = number> extends PageKey<DocId> {
  /** The id as it was given to `locate`. */
  vectorId: string;
  /** The vector's position among the page's vectors, from 0. */
  patch: number;
}

/** A location without the spelling of the id. */
type Place = Omit<VectorLocation<DocumentId>, 'vectorId'>;

/** A place, with more of the page's row. */
export interface PlaceOnPage extends Place {
  /** How many ids the page has. */
  idCount: number;
  /** The page's grid as JSON text, or null. */
  grid: string | null;
}

/** The most ids in one round of lookups, so that its statements stay small. */
const maxIdsPerLookup = 10_000;

/** Locates each id, in the order given; undefined for an id that no page has. */
export async function locateVectors(
  statements: PageStatements,
  vectorIds: readonly string[],
  signal?: AbortSignal,
): Promise<(VectorLocation<DocumentId> | undefined)[]> {
  const places = await locatePlaces(statements, vectorIds, signal);
  return places.map((place, index) => {
    if (place === undefined) return undefined;
    const { docId, page, patch } = place;
    return { vectorId: vectorIds[index] as string, docId, page, patch };
  });
}

/** The place of each id, in the order given; undefined for an id that no page has. */
export async function locatePlaces(
  statements: PageStatements,
  vectorIds: readonly string[],
  signal?: AbortSignal,
): Promise<(PlaceOnPage | undefined)[]> {
  const places: (PlaceOnPage | undefined)[] = [];
  for (const ids of slicesOf(vectorIds, maxIdsPerLookup)) {
    await runCallback(() => signal?.throwIfAborted());
    for (const place of await locateSlice(statements, ids)) places.push(place);
  }
  return places;
}

/**
 * Patch ids name the page to look at, if documents have integer keys. All other ids, and patch ids that are not on that
 * page, are found through the index on `vector_ids`. `findLiveIds` in src/store/ does a similar lookup. It finds all pages
 * that have an id, and not its position.
 */
async function locateSlice(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<(PlaceOnPage | undefined)[]> {
  const onNamedPage = await locatePatchIds(statements, vectorIds);
  const others = vectorIds.filter((id) => !onNamedPage.has(id));
  const throughIndex = await locateThroughIndex(statements, others);
  return vectorIds.map((id) => onNamedPage.get(id) ?? throughIndex.get(id));
}

/** The places of the patch ids that are on the page they name. */
async function locatePatchIds(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<Map<string, PlaceOnPage>> {
  const { pages } = groupByNamedPage(statements.tables, vectorIds);
  const found = new Map<string, PlaceOnPage>();
  if (pages.size === 0) return found;

  const rows = await statements.storedByKeys({ keys: keysAsJson([...pages.values()]) });
  const pause = createPause();
  for (const { docId, page, stored, grid } of rows) {
    const ids = pages.get(keyOf({ docId, page }))?.ids ?? [];
    const elements: StoredVectorId[] = JSON.parse(stored);
    const idCount = countStoredIds(elements);
    for (const [id, patch] of positionsOf(elements, ids)) {
      found.set(id, { docId, page, patch, idCount, grid });
    }
    await pause();
  }
  return found;
}

/** The first place of each id, by document and page. */
async function locateThroughIndex(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<Map<string, PlaceOnPage>> {
  const found = new Map<string, PlaceOnPage>();
  if (vectorIds.length === 0) return found;
  const { keys, idsOf } = indexKeysOf(vectorIds);
  const rows = await statements.storedByIndexKeys({ indexKeys: JSON.stringify(keys) });
  const pause = createPause();
  for (const { docId, page, stored, grid, keys } of rows.toSorted(byKey)) {
    const ids = (JSON.parse(keys) as string[]).flatMap(idsOf);
    const elements: StoredVectorId[] = JSON.parse(stored);
    const idCount = countStoredIds(elements);
    for (const [id, patch] of positionsOf(elements, ids)) {
      if (!found.has(id)) found.set(id, { docId, page, patch, idCount, grid });
    }
    await pause();
  }
  return found;
}
