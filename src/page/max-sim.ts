/** Late interaction: how similar the tokens of a query are to the vectors of a page. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { describe, requireArray, requireInteger, requireNumber } from '../require.ts';

/** The similarity of each query token to each vector of a page. */
export interface Similarities {
  /** The number of query tokens. */
  tokens: number;
  /** The number of vectors of the page. */
  vectors: number;
  /** The similarity of token t to vector v is at `t * vectors + v`. */
  values: Float32Array;
}

/** The late-interaction score of a page, and the vector that won for each query token. */
export interface MaxSim {
  /** The sum of `scores`. */
  score: number;
  /** For each query token, its best similarity on the page. */
  scores: Float32Array;
  /** For each query token, the vector with this similarity: its position among the page's vectors, from 0. */
  patches: Int32Array;
}

/**
 * Scores a page by MaxSim: for each query token the best similarity on the page, summed over the tokens.
 *
 * @param query - The vectors of the query's tokens, one after another. Leave out padding and prompt tokens.
 * @param page - The vectors of the page, one after another, normalised like those of the query.
 * @param dim - The number of values of a vector.
 * @throws {InvalidInputError} An argument is not valid.
 * @example
 * const { score, patches } = maxSim(flattenVectors(queryVectors), flattenVectors(pageVectors), 128);
 */
export function maxSim(query: Float32Array, page: Float32Array, dim: number): MaxSim {
  const { tokens, vectors, values } = similarities(query, page, dim);
  const scores = new Float32Array(tokens);
  const patches = new Int32Array(tokens);
  let sum = 0;
  for (let token = 0; token < tokens; token += 1) {
    const first = token * vectors;
    let best = first;
    for (let at = first + 1; at < first + vectors; at += 1) {
      if ((values[at] as number) > (values[best] as number)) best = at;
    }
    scores[token] = values[best] as number;
    patches[token] = best - first;
    sum += values[best] as number;
  }
  return { score: sum, scores, patches };
}

/**
 * Computes the dot product of each query token with each vector of a page.
 *
 * @throws {InvalidInputError} An argument is not valid.
 */
export function similarities(query: Float32Array, page: Float32Array, dim: number): Similarities {
  requireInteger(dim, ['dim'], { min: 1 });
  const tokens = countVectors(query, dim, ['query']);
  const vectors = countVectors(page, dim, ['page']);
  const values = new Float32Array(tokens * vectors);
  for (let token = 0; token < tokens; token += 4) {
    multiplyFourTokens(values, query, page, dim, token);
  }
  return { tokens, vectors, values };
}

/**
 * Multiplies four tokens with two vectors at a time. This is fast because each value is read once for several
 * products, and because the eight sums do not wait for each other. If fewer than four tokens or two vectors are left,
 * the last one is computed several times.
 */
function multiplyFourTokens(
  values: Float32Array,
  query: Float32Array,
  page: Float32Array,
  dim: number,
  token: number,
): void {
  const tokens = query.length / dim;
  const vectors = page.length / dim;
  // No destructuring below, because it allocates arrays and takes three times as long.
  const t0 = token;
  const t1 = Math.min(token + 1, tokens - 1);
  const t2 = Math.min(token + 2, tokens - 1);
  const t3 = Math.min(token + 3, tokens - 1);
  const q0 = t0 * dim;
  const q1 = t1 * dim;
  const q2 = t2 * dim;
  const q3 = t3 * dim;
  for (let v0 = 0; v0 < vectors; v0 += 2) {
    const v1 = Math.min(v0 + 1, vectors - 1);
    const p0 = v0 * dim;
    const p1 = v1 * dim;
    let s00 = 0;
    let s10 = 0;
    let s20 = 0;
    let s30 = 0;
    let s01 = 0;
    let s11 = 0;
    let s21 = 0;
    let s31 = 0;
    for (let at = 0; at < dim; at += 1) {
      const x0 = page[p0 + at] as number;
      const x1 = page[p1 + at] as number;
      const y0 = query[q0 + at] as number;
      const y1 = query[q1 + at] as number;
      const y2 = query[q2 + at] as number;
      const y3 = query[q3 + at] as number;
      s00 += y0 * x0;
      s10 += y1 * x0;
      s20 += y2 * x0;
      s30 += y3 * x0;
      s01 += y0 * x1;
      s11 += y1 * x1;
      s21 += y2 * x1;
      s31 += y3 * x1;
    }
    values[t0 * vectors + v0] = s00;
    values[t1 * vectors + v0] = s10;
    values[t2 * vectors + v0] = s20;
    values[t3 * vectors + v0] = s30;
    values[t0 * vectors + v1] = s01;
    values[t1 * vectors + v1] = s11;
    values[t2 * vectors + v1] = s21;
    values[t3 * vectors + v1] = s31;
  }
}

/**
 * Copies vectors into one array, in the form that `maxSim` takes.
 *
 * @param vectors - All of the same length.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function flattenVectors(vectors: readonly ArrayLike<number>[]): Float32Array {
  requireArray(vectors, ['vectors']);
  const dim = (vectors[0] as ArrayLike<number> | undefined)?.length ?? 0;
  const flat: number[] = [];
  for (let index = 0; index < vectors.length; index += 1) {
    const vector = Array.from((vectors[index] ?? []) as ArrayLike<unknown>);
    if (vector.length !== dim) {
      throw new InvalidInputError(['vectors', index], `must have ${dim} values like the first one`);
    }
    for (let at = 0; at < dim; at += 1) {
      const value = vector[at];
      requireNumber(value, ['vectors', index, at]);
      flat.push(value);
    }
  }
  return Float32Array.from(flat);
}

function countVectors(vectors: unknown, dim: number, path: InputPath): number {
  if (!(vectors instanceof Float32Array)) {
    throw new InvalidInputError(path, `must be a Float32Array, got ${describe(vectors)}`);
  }
  if (vectors.length === 0) throw new InvalidInputError(path, 'must have at least one vector');
  if (vectors.length % dim === 0) return vectors.length / dim;
  throw new InvalidInputError(path, `must have a multiple of ${dim} values, got ${vectors.length}`);
}
