/** Which pages have a vector id. */
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { indexKeysOf, positionsOf } from '../ids/lookup.ts';
import { groupByNamedPage } from '../ledger/named-pages.ts';
import { byKey, keyOf, keysAsJson, type PageKey } from '../ledger/page.ts';
import {
  selectStoredByIndexKeys,
  selectStoredByKeys,
  selectStoredInDocument,
} from '../ledger/read-pages.ts';
import { createPause } from '../pause.ts';
import type { VectorTables } from '../tables.ts';

/**
 * Maps each id to the pages that have it in any spelling. The pages are sorted by document and page. An id that no page has
 * is not in the map.
 */
export type LiveIds = ReadonlyMap<string, readonly PageKey<DocumentId>[]>;

/**
 * Finds all pages that have one of the ids. Looks on the pages that patch ids name, and through the index. `locate`
 * differs: it stops at the first page of an id.
 *
 * @param owner - A document whose patch ids no other document has. They are looked up in this document only.
 */
export async function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
  owner?: DocumentId,
): Promise<LiveIds> {
  const live = new Map<string, Map<string, PageKey<DocumentId>>>();
  if (ids.length === 0) return new Map();
  const pause = createPause();
  const note = async (
    { docId, page, stored }: PageKey<DocumentId> & { stored: string },
    wanted: string[],
  ) => {
    for (const id of positionsOf(JSON.parse(stored), wanted).keys()) {
      const holders = live.get(id) ?? new Map();
      live.set(id, holders.set(keyOf({ docId, page }), { docId, page }));
    }
    await pause();
  };

  const { pages, others } = groupByNamedPage(tables, ids);
  const ofOwner = [...pages.values()].filter(({ docId }) => docId === owner);
  const elsewhere = [...pages.values()].filter(({ docId }) => docId !== owner);
  if (owner !== undefined && ofOwner.length > 0) {
    const ownIds = ofOwner.flatMap((page) => page.ids);
    const wanted = {
      pages: ofOwner.map(({ page }) => page),
      keys: indexKeysOf(ownIds).keys,
    };
    for (const row of await selectStoredInDocument(db, tables, owner, wanted)) {
      await note(row, ownIds);
    }
  }
  if (elsewhere.length > 0) {
    for (const row of await selectStoredByKeys(db, tables, keysAsJson(elsewhere))) {
      await note(row, pages.get(keyOf(row))?.ids ?? []);
    }
  }
  const indexed = [...others, ...elsewhere.flatMap((page) => page.ids)];
  if (indexed.length > 0) {
    const { keys, idsOf } = indexKeysOf(indexed);
    for (const row of await selectStoredByIndexKeys(db, tables, JSON.stringify(keys))) {
      await note(row, (JSON.parse(row.keys) as string[]).flatMap(idsOf));
    }
  }
  return new Map(Array.from(live, ([id, holders]) => [id, [...holders.values()].sort(byKey)]));
}
