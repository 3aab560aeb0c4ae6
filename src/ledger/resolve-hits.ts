/** Turns the hits of a vector store into ranked pages. */
import type { DocumentId } from '../document-id.ts';
import { InvalidInputError } from '../errors.ts';
import { checkVectorIds } from '../ids/check-vector-ids.ts';
import { type PatchGrid, readableGrid } from '../page/grid.ts';
import { checkHits, type Hit } from '../page/hits.ts';
import { type HitPlace, type RankedPage, rankPages } from '../page/rank-pages.ts';
import { locatePlaces } from './locate.ts';
import { keyOf } from './page.ts';
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

/** Ranks the pages of checked hits. */
export async function resolveHits(
  statements: PageStatements,
  hits: readonly Hit[],
): Promise<ResolvedHits<DocumentId>> {
  const located = await locatePlaces(
    statements,
    hits.map(({ vectorId }) => vectorId),
  );
  const readGrid = gridReader();
  const places = located.map(
    (place): HitPlace<DocumentId> | undefined => place && { ...place, grid: readGrid(place.grid) },
  );
  const grids = new Map(places.flatMap((place) => (place ? [[keyOf(place), place.grid]] : [])));
  const unknown = hits.filter((_, index) => places[index] === undefined);
  return {
    pages: rankPages(hits, places).map((page) => ({
      ...page,
      grid: grids.get(keyOf(page)) ?? null,
    })),
    unknown: [...new Set(unknown.map(({ vectorId }) => vectorId))],
  };
}

/** Reads grids from JSON text. Most pages have the same few grids, so each text is read once. */
function gridReader(): (text: string | null) => PatchGrid | null {
  const grids = new Map<string, PatchGrid | null>();
  return (text) => {
    if (text === null) return null;
    const known = grids.get(text);
    if (known !== undefined) return known;
    const grid = readableGrid(JSON.parse(text));
    grids.set(text, grid);
    return grid;
  };
}
