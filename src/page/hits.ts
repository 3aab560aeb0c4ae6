/** Hits of a search, in one form for all vector stores. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import {
  describe,
  requireArray,
  requireInteger,
  requireNumber,
  requireObject,
  requireString,
} from '../require.ts';

/** A vector that a search found. */
export interface Hit {
  /** The vector's id in the store. */
  vectorId: string;
  /** Higher is better. */
  score: number;
  /** Which vector of a multi-vector point it is, from 0, if the store says so. */
  offset?: number;
  /** Which token of the query found it, from 0, if each token is a search of its own. */
  queryToken?: number;
}

/** An id as a client returns it. A number or bigint becomes its decimal string. */
export type StoreId = string | number | bigint;

/** Options of every store. */
export interface HitOptions {
  /** Which token of the query this response is for, from 0. */
  queryToken?: number | undefined;
}

/** Where the id and the score of a hit are in a row of a response. */
export interface HitPaths {
  id: InputPath;
  score: InputPath;
}

/**
 * Checks hits, as callers pass them, and returns a copy of the list.
 *
 * @throws {InvalidInputError} The path names the position and the field.
 */
export function checkHits(hits: unknown, path: InputPath = ['hits']): Hit[] {
  requireArray(hits, path);
  // Array.from, because map would skip the holes of a sparse array.
  return Array.from(hits, (hit, index) => {
    const at = [...path, index];
    requireObject(hit, at);
    const { vectorId, score, offset, queryToken } = hit as Partial<Hit>;
    requireString(vectorId, [...at, 'vectorId']);
    requireNumber(score, [...at, 'score']);
    if (offset !== undefined) requireInteger(offset, [...at, 'offset'], { min: 0 });
    if (queryToken !== undefined) requireInteger(queryToken, [...at, 'queryToken'], { min: 0 });
    return { ...hit, vectorId, score } as Hit;
  });
}

/** Makes a hit from the parts of a response and checks them. `paths` are relative to `path`. */
export function toHit(
  parts: { id: unknown; score: unknown; offset?: unknown; queryToken?: unknown },
  path: InputPath,
  paths: HitPaths = { id: ['id'], score: ['score'] },
): Hit {
  const { id, score, offset, queryToken } = parts;
  const hit: Hit = {
    vectorId: toVectorId(id, [...path, ...paths.id]),
    score: toNumber(score, [...path, ...paths.score]),
  };
  if (offset !== undefined && offset !== null) {
    const number = toNumber(offset, [...path, 'offset']);
    requireInteger(number, [...path, 'offset'], { min: 0 });
    hit.offset = number;
  }
  if (queryToken !== undefined && queryToken !== null) {
    const number = toNumber(queryToken, [...path, 'queryToken']);
    requireInteger(number, [...path, 'queryToken'], { min: 0 });
    hit.queryToken = number;
  }
  return hit;
}

/** Returns the elements of an array in a response, each with its path. They must be objects. */
export function rowsOf(
  value: unknown,
  path: InputPath,
): { row: Record<string, unknown>; path: InputPath }[] {
  requireArray(value, path);
  return Array.from(value, (row, index) => {
    requireObject(row, [...path, index]);
    return { row: row as Record<string, unknown>, path: [...path, index] };
  });
}

function toVectorId(id: unknown, path: InputPath): string {
  const isId = typeof id === 'string' || typeof id === 'bigint' || Number.isSafeInteger(id);
  if (isId) return String(id);
  throw new InvalidInputError(path, `must be a string or an integer, got ${describe(id)}`);
}

/** Accepts text and bigint too, because some drivers return numbers in this way. */
function toNumber(value: unknown, path: InputPath): number {
  const isText = typeof value === 'string' && value.trim() !== '';
  const number = isText || typeof value === 'bigint' ? Number(value) : value;
  requireNumber(number, path);
  return number;
}
