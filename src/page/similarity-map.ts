/** Similarity maps: how well each part of a page answers a query. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { requireArray, requireInteger, requireNumber, requireObject } from '../require.ts';
import { checkGrid, type PatchGrid, placeOf, vectorAt, vectorsNeeded } from './grid.ts';
import type { Similarities } from './max-sim.ts';

/** One value for each patch of a page. */
export interface SimilarityMap {
  cols: number;
  rows: number;
  /** The value of the patch at (row, col) is at `row * cols + col`, from the top left. NaN if it is unknown. */
  values: Float32Array;
}

/** The score of one vector of a page, for example of a hit. */
export interface PatchScore {
  /** The vector's position among the page's vectors, from 0. Vectors that are not patches are left out. */
  patch: number;
  score: number;
}

/**
 * Makes the map of a page. The value of a patch is its best similarity to any query token. A mean would mostly show the
 * tokens that match everything. Vectors of the prompt are left out, although up to a fifth of a page's score comes from them.
 *
 * @param scores - What `similarities` returned for the page, or the scores of some patches; the others are unknown.
 * @param tokens - Which query tokens count, by their position from 0, if `scores` are similarities.
 *   {@defaultValue all}
 * @throws {InvalidInputError} An argument is not valid.
 * @example
 * const map = similarityMap(grid, similarities(flattenVectors(queryVectors), flattenVectors(pageVectors), 128));
 * const [best] = regionsOf(map);
 */
export function similarityMap(
  grid: PatchGrid,
  scores: Similarities | readonly PatchScore[],
  tokens?: readonly number[],
): SimilarityMap {
  const checked = checkGrid(grid);
  const { cols, rows } = checked;
  const map = { cols, rows, values: new Float32Array(cols * rows).fill(Number.NaN) };
  if (Array.isArray(scores)) {
    if (tokens !== undefined) {
      throw new InvalidInputError(['tokens'], 'needs similarities, not scores of patches');
    }
    addScores(map, checked, scores as readonly PatchScore[]);
  } else {
    addSimilarities(map, checked, scores as Similarities, tokens);
  }
  return map;
}

function addScores(map: SimilarityMap, grid: PatchGrid, scores: readonly PatchScore[]): void {
  for (let index = 0; index < scores.length; index += 1) {
    const path = ['scores', index];
    requireObject(scores[index], path);
    const { patch, score } = scores[index] as PatchScore;
    requireInteger(patch, [...path, 'patch'], { min: 0 });
    requireNumber(score, [...path, 'score']);
    const place = placeOf(grid, patch);
    if (place === undefined) continue;
    const at = place.row * map.cols + place.col;
    const known = map.values[at] as number;
    if (Number.isNaN(known) || score > known) map.values[at] = score;
  }
}

function addSimilarities(
  map: SimilarityMap,
  grid: PatchGrid,
  scores: Similarities,
  tokens: readonly number[] | undefined,
): void {
  requireSimilarities(scores, grid);
  if (tokens !== undefined) {
    requireArray(tokens, ['tokens']);
    tokens.forEach((token, index) => {
      requireInteger(token, ['tokens', index], { min: 0, max: scores.tokens - 1 });
    });
  }
  const counted = tokens ?? Array.from({ length: scores.tokens }, (_, token) => token);
  for (let row = 0; row < map.rows; row += 1) {
    for (let col = 0; col < map.cols; col += 1) {
      const vector = vectorAt(grid, { row, col });
      let best = Number.NaN;
      for (const token of counted) {
        const value = scores.values[token * scores.vectors + vector] as number;
        if (!(value <= best)) best = value;
      }
      map.values[row * map.cols + col] = best;
    }
  }
}

function requireSimilarities(scores: unknown, grid: PatchGrid): asserts scores is Similarities {
  requireObject(scores, ['scores']);
  const { tokens, vectors, values } = scores as Partial<Similarities>;
  requireInteger(tokens, ['scores', 'tokens'], { min: 1 });
  requireInteger(vectors, ['scores', 'vectors'], { min: 1 });
  if (!(values instanceof Float32Array) || values.length !== tokens * vectors) {
    throw new InvalidInputError(
      ['scores', 'values'],
      `must be a Float32Array of tokens * vectors, ${tokens * vectors} values`,
    );
  }
  if (vectors < vectorsNeeded(grid)) {
    throw new InvalidInputError(
      ['grid'],
      `needs ${vectorsNeeded(grid)} vectors, but the page has ${vectors}`,
    );
  }
}

/** @throws {InvalidInputError} */
export function requireMap(
  value: unknown,
  path: InputPath = ['map'],
): asserts value is SimilarityMap {
  requireObject(value, path);
  const { cols, rows, values } = value as Partial<SimilarityMap>;
  requireInteger(cols, [...path, 'cols'], { min: 1 });
  requireInteger(rows, [...path, 'rows'], { min: 1 });
  if (values instanceof Float32Array && values.length === cols * rows) return;
  throw new InvalidInputError(
    [...path, 'values'],
    `must be a Float32Array of cols * rows, ${cols * rows} values`,
  );
}
