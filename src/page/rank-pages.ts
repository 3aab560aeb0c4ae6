/** Ranks pages by the hits of a vector store. */
import type { DocumentId } from '../document-id.ts';
import { InvalidInputError } from '../errors.ts';
import { describe, requireArray, requireInteger, requireObject } from '../require.ts';
import { type Box, boxOf } from './boxes.ts';
import { checkGrid, type PatchGrid } from './grid.ts';
import { checkHits, type Hit } from './hits.ts';

/** Where a hit is: its page and patch from `locate`, and facts from the page's row. */
export interface HitPlace<DocId extends DocumentId = number> {
  docId: DocId;
  /** The page in the document, from 1. */
  page: number;
  /** The position of the hit's id among the page's ids, from 0. */
  patch: number;
  /** How many ids the page has. If it is 1, the id stands for all vectors of the page, and `offset` says which one. */
  idCount: number;
  /** How the vectors cover the page; null or undefined if it is unknown. */
  grid?: PatchGrid | null | undefined;
}

/** A hit on a page. */
export interface RankedHit extends Hit {
  /** The vector's position among the page's vectors, from 0; undefined if the store did not say which one it is. */
  patch?: number;
  /** The part of the page, in the unit of the page; undefined if it is unknown, or if the vector is not a patch. */
  box?: Box;
}

/** A page with its hits. */
export interface RankedPage<DocId extends DocumentId = number> {
  docId: DocId;
  page: number;
  score: number;
  /** The hits on the page, the best first. */
  hits: RankedHit[];
}

/**
 * Ranks the pages of hits by MaxSim over the hits: for each query token the best score on the page, summed over the
 * tokens. Hits without `queryToken` count as hits of one token.
 *
 * A page without a hit of a token gets 0 for the token, or the token's lowest score if that is negative. The store
 * returned the token's best vectors, so the vectors of this page score at most as much as the lowest of them. Without
 * this rule, a page with few hits would win if scores are negative distances.
 *
 * @param places - The place of each hit, in the order of the hits. Undefined for a hit that is on no page; it is left
 *   out.
 * @returns The best page first. Pages with equal scores stay in the order of their first hits.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function rankPages<DocId extends DocumentId = number>(
  hits: readonly Hit[],
  places: readonly (HitPlace<DocId> | undefined)[],
): RankedPage<DocId>[] {
  const checked = checkHits(hits);
  requireArray(places, ['places']);
  if (places.length !== checked.length) {
    throw new InvalidInputError(
      ['places'],
      `must have ${checked.length} entries, one for each hit`,
    );
  }
  const pages = new Map<string, RankedPage<DocId>>();
  const worstScores = new Map<number | undefined, number>();
  const checkedGrids = new Set<PatchGrid>();
  for (const [index, hit] of checked.entries()) {
    const { queryToken, score } = hit;
    worstScores.set(queryToken, Math.min(worstScores.get(queryToken) ?? 0, score));
    const place = places[index];
    if (place === undefined) continue;
    checkPlace(place, index, checkedGrids);
    const { docId, page } = place;
    const key = `${docId}/${page}`;
    const ranked = pages.get(key) ?? { docId, page, score: 0, hits: [] };
    pages.set(key, ranked);
    ranked.hits.push(placed(hit, place));
  }
  const sumOfWorst = [...worstScores.values()].reduce((sum, score) => sum + score, 0);
  for (const page of pages.values()) {
    page.hits.sort((a, b) => b.score - a.score);
    page.score = sumOfBest(page.hits, worstScores, sumOfWorst);
  }
  return [...pages.values()].sort((a, b) => b.score - a.score);
}

/** Adds up the best score on the page for each token, or the token's worst score if the page has no hit of it. */
function sumOfBest(
  bestFirst: readonly RankedHit[],
  worstScores: ReadonlyMap<number | undefined, number>,
  sumOfWorst: number,
): number {
  const seen = new Set<number | undefined>();
  let sum = sumOfWorst;
  for (const { queryToken, score } of bestFirst) {
    if (seen.has(queryToken)) continue;
    seen.add(queryToken);
    sum += score - (worstScores.get(queryToken) ?? 0);
  }
  return sum;
}

function placed(hit: Hit, { patch, idCount, grid }: HitPlace<DocumentId>): RankedHit {
  const vector = idCount === 1 ? (hit.offset ?? onlyVector(grid)) : patch;
  if (vector === undefined) return { ...hit };
  const box = grid ? boxOf(grid, vector) : undefined;
  return { ...hit, patch: vector, ...(box === undefined ? {} : { box }) };
}

/** The vector of a page's only id: 0 if the page has one patch, otherwise unknown. */
function onlyVector(grid: PatchGrid | null | undefined): number | undefined {
  return grid?.cols === 1 && grid.rows === 1 && grid.start === 0 ? 0 : undefined;
}

/** @param checkedGrids - The grids that have been checked. Many places share a grid, so each is checked once. */
function checkPlace(place: unknown, index: number, checkedGrids: Set<PatchGrid>): void {
  const path = ['places', index];
  requireObject(place, path);
  const { docId, page, patch, idCount, grid } = place as Partial<HitPlace<DocumentId>>;
  const isDocId = typeof docId === 'string' || typeof docId === 'bigint';
  if (!isDocId && !Number.isSafeInteger(docId)) {
    throw new InvalidInputError(
      [...path, 'docId'],
      `must be an integer or a string, got ${describe(docId)}`,
    );
  }
  requireInteger(page, [...path, 'page'], { min: 1 });
  requireInteger(patch, [...path, 'patch'], { min: 0 });
  requireInteger(idCount, [...path, 'idCount'], { min: 1 });
  if (grid !== undefined && grid !== null && !checkedGrids.has(grid)) {
    checkGrid(grid, [...path, 'grid']);
    checkedGrids.add(grid);
  }
}
