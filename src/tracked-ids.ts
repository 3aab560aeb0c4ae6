import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from './database.ts';
import type { VectorTables } from './tables.ts';
import { spellings } from './uuid.ts';
import { elementsThatMayHold, holdsVectorId, type StoredVectorId } from './vector-ids.ts';

/** Which of the ids, in any spelling, stand on a page. One statement: one point in time. */
export function findLiveIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findIds(db, ids, (wanted) => elementsOfPages(tables, wanted));
}

/** Which of the ids, in any spelling, stand on a page or wait as orphans. One statement, likewise. */
export function findTrackedIds(
  db: Db,
  tables: VectorTables,
  ids: readonly string[],
): Promise<Set<string>> {
  return findIds(
    db,
    ids,
    (wanted) =>
      sql`${elementsOfPages(tables, wanted)} union all ${elementsOfOrphans(tables, wanted)}`,
  );
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
  // For each element that may hold an id: the ids asked for, by the spelling that it may hold.
  const askedFor = new Map<string, [spelling: string, id: string][]>();
  for (const id of ids) {
    for (const spelling of spellings(id)) {
      for (const element of elementsThatMayHold(spelling)) {
        const key = JSON.stringify(element);
        const asked = askedFor.get(key);
        if (asked === undefined) askedFor.set(key, [[spelling, id]]);
        else asked.push([spelling, id]);
      }
    }
  }
  const wanted = sql`unnest(${sql.param([...askedFor.keys()])}::text[]) as wanted (element)`;
  const rows = rowsOf<{ element: StoredVectorId }>(await db.execute(elements(wanted)));

  const found = new Set<string>();
  for (const { element } of rows) {
    const key = typeof element === 'string' ? element : { prefix: element.prefix };
    for (const [spelling, id] of askedFor.get(JSON.stringify(key)) ?? []) {
      if (holdsVectorId(element, spelling)) found.add(id);
    }
  }
  return found;
}

/** Through the index on `vectors.vector_ids`, one look-up for each element wanted. */
function elementsOfPages({ vectors }: VectorTables, wanted: SQL): SQL {
  return sql`
    select distinct stored.element
    from ${wanted}
    join ${vectors} as page on page.vector_ids @> jsonb_build_array(wanted.element::jsonb)
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
