/** From the hits of a vector store to pages. */
import type { DocumentId } from '../document-id.ts';
import { InvalidInputError } from '../errors.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { type PatchGrid, readableGrid } from '../page/grid.ts';
import { checkHits, type Hit } from '../page/hits.ts';
import { type HitPlace, type RankedPage, rankPages } from '../page/rank-pages.ts';
import { locateVectors, type VectorLocation } from './locate.ts';
import { keyOf, keysAsJson, uniqueKeys } from './page.ts';
import type { PageStatements } from './read-pages.ts';

/** A page with its hits, the best first. */
export interface ResolvedPage<DocId extends DocumentId = number> extends RankedPage<DocId> {
  /** How the vectors cover the page; null if it is unknown. `similarityMap` of `colpali-vectors/page` needs it. */
  grid: PatchGrid | null;
}

/** What the ledger knows about hits. */
export interface ResolvedHits<DocId extends DocumentId = number> {
  /** The best page first. */
  pages: ResolvedPage<DocId>[];
  /** The ids of hits that no page has, each once. Such vectors are waiting for a purge, or an audit will find them. */
  unknown: string[];
}

/**
 * Checks hits whose ids are looked up in the ledger, and copies the list.
 *
 * @throws {InvalidInputError} The path names the position and the field.
 */
export function checkHitsOfLedger(hits: unknown): Hit[] {
  const checked = checkHits(hits);
  try {
    checkVectorIds(
      checked.map(({ vectorId }) => vectorId),
      ['hits'],
    );
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    throw new InvalidInputError([...error.path, 'vectorId'], error.reason);
  }
  return checked;
}

/** Ranks the pages of checked hits. Pages that are deleted between the two queries count as unknown. */
export async function resolveHits(
  statements: PageStatements,
  hits: readonly Hit[],
): Promise<ResolvedHits<DocumentId>> {
  const locations = await locateVectors(
    statements,
    hits.map(({ vectorId }) => vectorId),
  );
  const pages = await readGrids(statements, locations);
  const places = locations.map((location): HitPlace<DocumentId> | undefined => {
    const page = location && pages.get(keyOf(location));
    // Since the first query, the page may have been recorded again with fewer ids.
    return page && location.patch < page.idCount ? { ...location, ...page } : undefined;
  });
  const unknown = hits.filter((_, index) => places[index] === undefined);
  return {
    pages: rankPages(hits, places).map((page) => ({
      ...page,
      grid: pages.get(keyOf(page))?.grid ?? null,
    })),
    unknown: [...new Set(unknown.map(({ vectorId }) => vectorId))],
  };
}

/** The grid and the number of ids of each page. */
async function readGrids(
  statements: PageStatements,
  locations: readonly (VectorLocation<DocumentId> | undefined)[],
): Promise<Map<string, { grid: PatchGrid | null; idCount: number }>> {
  const keys = uniqueKeys(locations.flatMap((location) => location ?? []));
  if (keys.length === 0) return new Map();
  const rows = await statements.gridsByKeys({ keys: keysAsJson(keys) });
  const grids = new Map<string, PatchGrid | null>();
  const gridOf = (text: string): PatchGrid | null => {
    const known = grids.get(text);
    if (known !== undefined) return known;
    const grid = readableGrid(JSON.parse(text));
    grids.set(text, grid);
    return grid;
  };
  return new Map(
    rows.map(({ docId, page, grid, idCount }) => [
      keyOf({ docId, page }),
      { grid: grid === null ? null : gridOf(grid), idCount },
    ]),
  );
}
