import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from './database.ts';
import type { VectorTables } from './tables.ts';
import { spellings } from './uuid.ts';
import { elementsThatMayHold, holdsVectorId, type StoredVectorId } from './vector-ids.ts';

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
  elements: (wanted: SQL) => SQL,
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
  elements: (wanted: SQL) => SQL,
): Promise<Set<string>> {
  const found = new Set<string>();
  if (ids.length === 0) return found;
  // For each element that may hold an id: the ids that it may hold.
  const heldBy = new Map<string, string[]>();
  for (const id of ids) {
    for (const element of elementsThatMayHold(id)) {
      const key = JSON.stringify(element);
      const held = heldBy.get(key);
      if (held === undefined) heldBy.set(key, [id]);
      else held.push(id);
    }
  }
  const wanted = sql`unnest(${sql.param([...heldBy.keys()])}::text[]) as wanted (element)`;
  const rows = rowsOf<{ element: StoredVectorId }>(await db.execute(elements(wanted)));
  for (const { element } of rows) {
    const key = typeof element === 'string' ? element : { prefix: element.prefix };
    for (const id of heldBy.get(JSON.stringify(key)) ?? []) {
      if (holdsVectorId(element, id)) found.add(id);
    }
  }
  return found;
}

/** Through the index on `vectors.vector_ids`, one look-up for each element wanted. */
function elementsOfPages({ vectors }: VectorTables, wanted: SQL): SQL {
  return sql`
    select distinct stored.element
    from ${wanted}
    -- offset 0 keeps it at that: PostgreSQL expects every element on a hundredth of all pages, and would
    -- rather read the whole table for a few.
    cross join lateral (
      select vector_ids from ${vectors} as holding
      where holding.vector_ids @> jsonb_build_array(wanted.element::jsonb)
      offset 0
    ) as page
    cross join lateral (
      -- A page found by an id holds just that; one found by a prefix says how far its runs reach.
      select wanted.element::jsonb as element
      where jsonb_typeof(wanted.element::jsonb) = 'string'
      union all
      select value
      from jsonb_array_elements(page.vector_ids)
      where jsonb_typeof(wanted.element::jsonb) = 'object'
        and value -> 'prefix' = wanted.element::jsonb -> 'prefix'
    ) as stored`;
}

/** Through all orphans, once: there is no index on them, deletes would pay for it. */
function elementsOfOrphans({ vectorOrphans }: VectorTables, wanted: SQL): SQL {
  return sql`
    select distinct stored.value
    from ${vectorOrphans} as orphan
    cross join lateral jsonb_array_elements(orphan.vector_ids) as stored (value)
    -- A join, not in (select ...): of many elements that would compare each with each.
    join (select distinct wanted.element::jsonb as element from ${wanted}) as may_hold
      on may_hold.element = case jsonb_typeof(stored.value)
        when 'object' then jsonb_build_object('prefix', stored.value -> 'prefix')
        else stored.value
      end`;
}
