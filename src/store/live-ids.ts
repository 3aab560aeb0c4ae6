import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { parsePatchVectorId } from '../ids/patch-id.ts';
import { elementsOfIds, holdsVectorId, type StoredVectorId } from '../ids/runs.ts';
import { spellings } from '../ids/spellings.ts';
import { holdingOneOf, isOneOf, keyOf } from '../ledger/read-pages.ts';
import type { PageKey } from '../require.ts';
import type { VectorTables } from '../tables.ts';

/** Which of the ids, in any spelling, stand on a page. */
export function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findInAnySpelling(db, ids, (wanted) => elementsOfPages(tables, wanted));
}

/**
 * Which of the ids, in any spelling, stand on a page or wait as orphans.
 *
 * A statement asks for both: an id that a delete moves from one to the other is in either.
 */
export function findTrackedIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findInAnySpelling(
    db,
    ids,
    (wanted) =>
      sql`${elementsOfPages(tables, wanted)} union all ${elementsOfOrphans(tables, wanted)}`,
  );
}

/** The ids as they are first: where they are found, and mostly they are, that is a quarter of the work. */
async function findInAnySpelling(
  db: Db,
  ids: readonly string[],
  elements: (wanted: Wanted) => SQL,
): Promise<Set<string>> {
  const found = await findIds(db, ids, elements);
  // Several ids may have a spelling in common: the same UUID with and without dashes.
  const askedAs = new Map<string, string[]>();
  for (const id of ids) {
    if (found.has(id)) continue;
    for (const spelling of spellings(id)) {
      if (spelling !== id) askedAs.set(spelling, [...(askedAs.get(spelling) ?? []), id]);
    }
  }
  for (const spelling of await findIds(db, [...askedAs.keys()], elements)) {
    for (const id of askedAs.get(spelling) ?? []) found.add(id);
  }
  return found;
}

/**
 * Asks for the stored elements that may hold one of the ids, and keeps the ids that one really holds.
 *
 * Elements, not rows: 1000 ids may lie on 1000 pages of 40 KB each.
 */
async function findIds(
  db: Db,
  ids: readonly string[],
  elements: (wanted: Wanted) => SQL,
): Promise<Set<string>> {
  const found = new Set<string>();
  if (ids.length === 0) return found;
  const { elements: wanted, idsOf } = elementsOfIds(ids);
  const rows = rowsOf<{ element: StoredVectorId }>(
    await db.execute(elements({ elements: JSON.stringify(wanted), pages: pagesNamedBy(ids) })),
  );
  for (const { element } of rows) {
    for (const id of idsOf(element)) {
      if (holdsVectorId(element, id)) found.add(id);
    }
  }
  return found;
}

/** What is looked for. */
interface Wanted {
  /** Stored elements as a JSON array: ids, and `{ prefix }` of runs. */
  elements: string;
  /** The pages that computed ids among the ids name. */
  pages: readonly PageKey[];
}

/** The pages that the computed ids among the ids name, each once. */
function pagesNamedBy(ids: readonly string[]): PageKey[] {
  const places = ids.map(parsePatchVectorId).filter((place) => place !== undefined);
  return [...new Map(places.map((place) => [keyOf(place), place])).values()];
}

/** Through the index on `vectors.vector_ids`, one look-up for each element wanted. */
function elementsOfPages(tables: VectorTables, { elements, pages }: Wanted): SQL {
  const { vectors } = tables;
  return sql`
    select distinct stored.element
    from ${holdingOneOf(tables, elements)} as holding
    cross join lateral (
      -- A page found by an id holds just that; one found by a prefix says how far its runs reach.
      select holding.element where jsonb_typeof(holding.element) = 'string'
      union all
      select value
      from ${vectors} as held
      cross join lateral jsonb_array_elements(held.vector_ids)
      where jsonb_typeof(holding.element) = 'object'
        and (held.doc_id, held.page) = (holding.doc_id, holding.page)
        and value -> 'prefix' = holding.element -> 'prefix'
    ) as stored
    union all
    -- A page that is a run of its own computed ids is not in the index: its ids name it.
    select ${vectors.vectorIds} -> 0 from ${vectors}
    where ${isOneOf(tables, pages)} and jsonb_array_length(${vectors.vectorIds}) = 1`;
}

/** Through all orphans, once: there is no index on them, deletes would pay for it. */
function elementsOfOrphans({ vectorOrphans }: VectorTables, { elements }: Wanted): SQL {
  return sql`
    select distinct stored.value
    from ${vectorOrphans} as orphan
    cross join lateral jsonb_array_elements(orphan.vector_ids) as stored (value)
    -- A join, not in (select ...): of many elements that would compare each with each.
    join jsonb_array_elements(${elements}::text::jsonb) as may_hold (element)
      on may_hold.element = case jsonb_typeof(stored.value)
        when 'object' then jsonb_build_object('prefix', stored.value -> 'prefix')
        else stored.value
      end`;
}
