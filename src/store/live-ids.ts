/** Which pages have a vector id. */
import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { containsVectorId, findInAnySpelling, indexKeysOf } from '../ids/lookup.ts';
import { parsePatchVectorId } from '../ids/patch-id-layout.ts';
import type { StoredVectorId } from '../ids/runs.ts';
import { keysAsJson, type PageKey, uniqueKeys } from '../ledger/page.ts';
import { findByIndexKeys, isOneOf } from '../ledger/read-pages.ts';
import type { VectorTables } from '../tables.ts';

/** The pages that have each id, in any spelling. Ids that no page has are not in the map. */
export type LiveIds = ReadonlyMap<string, readonly PageKey[]>;

/** Finds the pages that have one of the ids. */
export async function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<LiveIds> {
  return findInAnySpelling(ids, async (spellings) => {
    const live = new Map<string, PageKey[]>();
    if (spellings.length === 0) return live;
    const { keys, idsOf } = indexKeysOf(spellings);
    const named = uniqueKeys(
      spellings.map(parsePatchVectorId).filter((place) => place !== undefined),
    );
    const found = await db.execute(selectElements(tables, JSON.stringify(keys), named));
    for (const { element: text, doc_id, page } of rowsOf<ElementRow>(found)) {
      const element: StoredVectorId = JSON.parse(text);
      for (const id of idsOf(element)) {
        if (!containsVectorId(element, id)) continue;
        const pages = live.get(id);
        if (pages === undefined) live.set(id, [{ docId: doc_id, page }]);
        else pages.push({ docId: doc_id, page });
      }
    }
    return live;
  });
}

interface ElementRow {
  /** As JSON text, because the host may have turned off its driver's JSON parser. */
  element: string;
  doc_id: number;
  page: number;
}

/**
 * Selects the stored elements that might contain one of the ids, with their pages: through the index, and from
 * the pages that patch ids name. Elements instead of rows, because a row can be 40 KB.
 */
function selectElements(tables: VectorTables, indexKeys: string, named: readonly PageKey[]): SQL {
  const { vectors } = tables;
  return sql`
    select distinct stored.element::text, holding.doc_id, holding.page
    from ${findByIndexKeys(tables, indexKeys)} as holding
    cross join lateral (
      -- A page that was found by an id contains exactly that id. A page that was found by a prefix has to
      -- show how far its runs reach.
      select holding.element where jsonb_typeof(holding.element) = 'string'
      union all
      select value
      from ${vectors} as page
      cross join lateral jsonb_array_elements(page.vector_ids)
      where jsonb_typeof(holding.element) = 'object'
        and (page.doc_id, page.page) = (holding.doc_id, holding.page)
        and value -> 'prefix' = holding.element -> 'prefix'
    ) as stored
    union all
    -- A page of one run of its own patch ids is not in the index.
    select (${vectors.vectorIds} -> 0)::text, ${vectors.docId}, ${vectors.page} from ${vectors}
    where ${isOneOf(tables, keysAsJson(named))} and jsonb_array_length(${vectors.vectorIds}) = 1`;
}
