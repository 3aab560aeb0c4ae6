/** Which pages have a vector id. */
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { indexKeysOf, positionsOf } from '../ids/lookup.ts';
import { groupByNamedPage } from '../ledger/named-pages.ts';
import { byKey, keyOf, keysAsJson, type PageKey } from '../ledger/page.ts';
import { selectStoredByIndexKeys, selectStoredByKeys } from '../ledger/read-pages.ts';
import { createPause } from '../pause.ts';
import type { VectorTables } from '../tables.ts';

/** The pages that have each id, in any spelling, by document and page. Ids that no page has are not in the map. */
export type LiveIds = ReadonlyMap<string, readonly PageKey<DocumentId>[]>;

/**
 * Finds all pages that have one of the ids. Looks on the pages that patch ids name, and through the index. `locate`
 * differs: it stops at the first page of an id.
 */
export async function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
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

  const { pages } = groupByNamedPage(tables, ids);
  if (pages.size > 0) {
    const keys = keysAsJson([...pages.values()]);
    for (const row of await selectStoredByKeys(db, tables, keys)) {
      await note(row, pages.get(keyOf(row))?.ids ?? []);
    }
  }

  const { keys, idsOf } = indexKeysOf(ids);
  for (const row of await selectStoredByIndexKeys(db, tables, JSON.stringify(keys))) {
    await note(row, (JSON.parse(row.keys) as string[]).flatMap(idsOf));
  }
  return new Map(Array.from(live, ([id, pages]) => [id, [...pages.values()].sort(byKey)]));
}
