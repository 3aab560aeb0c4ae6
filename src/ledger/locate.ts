import { slicesOf } from '../batches.ts';
import { runCallback } from '../callbacks.ts';
import type { DocumentId } from '../document-id.ts';
import { indexKeysOf, positionsOf } from '../ids/lookup.ts';
import { createPause } from '../pause.ts';
import { namedPlace } from './named-place.ts';
import { keyOf, keysAsJson, type PageKey } from './page.ts';
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

/** How many ids one round of lookups gets, so that its statements stay small. */
const maxIdsPerLookup = 10_000;

/** Locates each id, in the order given; undefined for an id that no page has. */
export async function locateVectors(
  statements: PageStatements,
  vectorIds: readonly string[],
  signal?: AbortSignal,
): Promise<(VectorLocation<DocumentId> | undefined)[]> {
  const locations: (VectorLocation<DocumentId> | undefined)[] = [];
  for (const ids of slicesOf(vectorIds, maxIdsPerLookup)) {
    await runCallback(() => signal?.throwIfAborted());
    for (const location of await locateSlice(statements, ids)) locations.push(location);
  }
  return locations;
}

/**
 * Patch ids name the page to look at, if documents have integer keys. All other ids, and patch ids that are not on that page, are found through the
 * index on `vector_ids`. `findLiveIds` differs: it finds all pages that have an id, and not its position.
 */
async function locateSlice(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<(VectorLocation<DocumentId> | undefined)[]> {
  const onNamedPage = await locatePatchIds(statements, vectorIds);
  const others = vectorIds.filter((id) => !onNamedPage.has(id));
  const throughIndex = await locateThroughIndex(statements, others);
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
  const pages = new Map<string, PageKey<DocumentId> & { ids: string[] }>();
  for (const id of vectorIds) {
    const place = namedPlace(statements.tables, id);
    if (place === undefined) continue;
    const page = pages.get(keyOf(place));
    if (page !== undefined) page.ids.push(id);
    else pages.set(keyOf(place), { docId: place.docId, page: place.page, ids: [id] });
  }
  const found = new Map<string, Place>();
  if (pages.size === 0) return found;

  const rows = await statements.storedByKeys({ keys: keysAsJson([...pages.values()]) });
  const pause = createPause();
  for (const { docId, page, stored } of rows) {
    const { ids } = pages.get(keyOf({ docId, page })) as { ids: string[] };
    for (const [id, patch] of positionsOf(JSON.parse(stored), ids)) {
      found.set(id, { docId, page, patch });
    }
    await pause();
  }
  return found;
}

/** The first place of each id, by document and page. */
async function locateThroughIndex(
  statements: PageStatements,
  vectorIds: readonly string[],
): Promise<Map<string, Place>> {
  const found = new Map<string, Place>();
  if (vectorIds.length === 0) return found;
  const { keys, idsOf } = indexKeysOf(vectorIds);
  const rows = await statements.storedByIndexKeys({ indexKeys: JSON.stringify(keys) });
  const pause = createPause();
  for (const { docId, page, stored, keys } of rows) {
    const ids = (JSON.parse(keys) as string[]).flatMap(idsOf);
    for (const [id, patch] of positionsOf(JSON.parse(stored), ids)) {
      if (!found.has(id)) found.set(id, { docId, page, patch });
    }
    await pause();
  }
  return found;
}
