/** Which vector ids the ledger knows: on pages, or on pages and in the queue. */
import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { containsVectorId, findInAnySpelling, indexKeysOf } from '../ids/lookup.ts';
import { parsePatchVectorId } from '../ids/patch-id-layout.ts';
import type { StoredVectorId } from '../ids/runs.ts';
import { type PageKey, uniqueKeys } from '../ledger/page.ts';
import { findByIndexKeys, isOneOf } from '../ledger/read-pages.ts';
import type { VectorTables } from '../tables.ts';

/** Those of the ids that a page has, in any spelling. */
export function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findIds(db, ids, (search) => elementsOfPages(tables, search));
}

/**
 * Those of the ids that a page has or that wait for a purge, in any spelling.
 *
 * One statement searches both, so an id that a delete moves from a page to the queue is always found.
 */
export function findTrackedIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findIds(
    db,
    ids,
    (search) =>
      sql`${elementsOfPages(tables, search)} union all ${elementsOfOrphans(tables, search)}`,
  );
}

/** What a statement searches for. */
interface Search {
  /** A JSON array of `IndexKey`, as text. */
  indexKeys: string;
  /** The pages that the patch ids among the ids name. */
  namedPages: readonly PageKey[];
}

/**
 * Selects the stored elements that might contain one of the ids, and keeps the ids that they do contain.
 *
 * Selects elements instead of rows, because 1000 ids can be on 1000 pages of 40 KB each.
 */
async function findIds(
  db: Db,
  ids: readonly string[],
  elements: (search: Search) => SQL,
): Promise<Set<string>> {
  const found = await findInAnySpelling(ids, async (spellings) => {
    const contained = new Map<string, true>();
    if (spellings.length === 0) return contained;
    const { keys, idsOf } = indexKeysOf(spellings);
    const search = { indexKeys: JSON.stringify(keys), namedPages: pagesNamedBy(spellings) };
    const rows = rowsOf<{ element: StoredVectorId }>(await db.execute(elements(search)));
    for (const { element } of rows) {
      for (const id of idsOf(element)) {
        if (containsVectorId(element, id)) contained.set(id, true);
      }
    }
    return contained;
  });
  return new Set(found.keys());
}

/** The pages that the patch ids among the ids name, without duplicates. */
function pagesNamedBy(ids: readonly string[]): PageKey[] {
  return uniqueKeys(ids.map(parsePatchVectorId).filter((place) => place !== undefined));
}

/** Selects elements of pages: through the index, and from the pages that patch ids name. */
function elementsOfPages(tables: VectorTables, { indexKeys, namedPages }: Search): SQL {
  const { vectors } = tables;
  return sql`
    select distinct stored.element
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
    select ${vectors.vectorIds} -> 0 from ${vectors}
    where ${isOneOf(tables, namedPages)} and jsonb_array_length(${vectors.vectorIds}) = 1`;
}

/** Selects elements of all orphans. They have no index, because it would slow down deletes. */
function elementsOfOrphans({ vectorOrphans }: VectorTables, { indexKeys }: Search): SQL {
  return sql`
    select distinct stored.value
    from ${vectorOrphans} as orphan
    cross join lateral jsonb_array_elements(orphan.vector_ids) as stored (value)
    -- A join, because "in (select ...)" would compare every element with every key.
    join jsonb_array_elements(${indexKeys}::text::jsonb) as wanted (element)
      on wanted.element = case jsonb_typeof(stored.value)
        when 'object' then jsonb_build_object('prefix', stored.value -> 'prefix')
        else stored.value
      end`;
}
