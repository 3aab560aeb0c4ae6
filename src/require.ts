import { type InputPath, InvalidInputError } from './errors.ts';
import { areComputedIds } from './ids/generated.ts';
import type { PatchGrid } from './schema.ts';

/** The largest value of PostgreSQL's `integer`: 2^31 - 1. */
export const maxInteger = 2 ** 31 - 1;

/** An id as a caller may hold it. A number or bigint becomes its decimal string. */
export type VectorIdInput = string | number | bigint;

/** Names a page: document and page number, pages from 1. */
export interface PageKey {
  docId: number;
  page: number;
}

/** A page to record. */
export interface NewPageVectors extends PageKey {
  /** Ids of the page's vectors, in patch order; empty for a page without vectors. */
  vectorIds: readonly VectorIdInput[];
  /** Which of the vectors stand for patches of the page, and where. Absent: none do. */
  grid?: PatchGrid | null | undefined;
}

/** A page that has been checked: ids are strings, the grid is there or null. */
export interface CheckedPage extends PageKey {
  vectorIds: readonly string[];
  grid: PatchGrid | null;
}

/** @throws {InvalidInputError} */
export function requireInteger(
  value: unknown,
  path: InputPath,
  { min, max = maxInteger }: { min: number; max?: number },
): asserts value is number {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  throw new InvalidInputError(
    path,
    `must be an integer from ${min} to ${max}, not ${describe(value)}`,
  );
}

/** @throws {InvalidInputError} */
export function requireDocId(value: unknown, path: InputPath = ['docId']): asserts value is number {
  requireInteger(value, path, { min: 1 });
}

/** @throws {InvalidInputError} */
export function requirePageNumber(
  value: unknown,
  path: InputPath = ['page'],
): asserts value is number {
  requireInteger(value, path, { min: 1 });
}

/** @throws {InvalidInputError} naming the position of the first key that is none */
export function requirePageKeys(
  keys: unknown,
  path: InputPath = ['keys'],
): asserts keys is readonly PageKey[] {
  requireArray(keys, path);
  // By index: forEach would pass over the holes of a sparse array.
  for (let index = 0; index < keys.length; index += 1)
    requirePageKey(keys[index], [...path, index]);
}

/**
 * Ids as strings: a copy of the list, but for an array of computed ids that nobody has changed, which comes
 * back itself.
 *
 * @throws {InvalidInputError} naming the position of the first id that cannot be kept as it is
 */
export function checkVectorIds(ids: unknown, path: InputPath = ['vectorIds']): readonly string[] {
  requireArray(ids, path);
  if (areComputedIds(ids)) return ids;
  const strings: string[] = [];
  // By index: a callback for each takes twice as long, and forEach would pass over the holes of a sparse array.
  for (let index = 0; index < ids.length; index += 1) {
    const id = ids[index];
    // Most ids are strings without a fault; the path is built only for one that is not.
    const isFaultless =
      typeof id === 'string' && id !== '' && !id.includes('\0') && id.isWellFormed();
    strings.push(isFaultless ? id : checkUnusualId(id, [...path, index]));
  }
  return strings;
}

/** @throws {InvalidInputError} naming the field, and the position in it */
export function checkPage(page: unknown, path: InputPath): CheckedPage {
  requirePageKey(page, path);
  const { docId, page: pageNumber, vectorIds, grid = null } = page as NewPageVectors;
  const ids = checkVectorIds(vectorIds, [...path, 'vectorIds']);
  return {
    docId,
    page: pageNumber,
    vectorIds: ids,
    grid: grid && checkGrid(grid, ids.length, [...path, 'grid']),
  };
}

/** @throws {InvalidInputError} */
export function requireIterable(value: unknown, path: InputPath): void {
  const isObject = typeof value === 'object' && value !== null;
  if (isObject && (Symbol.iterator in value || Symbol.asyncIterator in value)) return;
  throw new InvalidInputError(path, `must be an array or another iterable, not ${describe(value)}`);
}

/** @throws {InvalidInputError} */
export function requireArray(value: unknown, path: InputPath): asserts value is readonly unknown[] {
  if (Array.isArray(value)) return;
  throw new InvalidInputError(path, `must be an array, not ${describe(value)}`);
}

/** @throws {InvalidInputError} naming the field */
export function requirePageKey(value: unknown, path: InputPath): asserts value is PageKey {
  if (typeof value !== 'object' || value === null) {
    throw new InvalidInputError(path, `must be an object, not ${describe(value)}`);
  }
  const { docId, page } = value as Partial<PageKey>;
  requireDocId(docId, [...path, 'docId']);
  requirePageNumber(page, [...path, 'page']);
}

function checkGrid(grid: unknown, vectorCount: number, path: InputPath): PatchGrid {
  if (typeof grid !== 'object' || grid === null) {
    throw new InvalidInputError(path, `must be an object or null, not ${describe(grid)}`);
  }
  const { cols, rows, start } = grid as Partial<PatchGrid>;
  requireInteger(cols, [...path, 'cols'], { min: 1 });
  requireInteger(rows, [...path, 'rows'], { min: 1 });
  requireInteger(start, [...path, 'start'], { min: 0 });
  if (start + cols * rows > vectorCount) {
    throw new InvalidInputError(
      path,
      `needs ${start + cols * rows} vectors (start + cols * rows), the page has ${vectorCount}`,
    );
  }
  return { cols, rows, start };
}

/** An id that is no faultless string: a number or bigint as text, or the reason why it is refused. */
function checkUnusualId(id: unknown, path: InputPath): string {
  if (typeof id === 'bigint') return id.toString();
  if (typeof id === 'number') {
    if (Number.isSafeInteger(id)) return id.toString();
    throw new InvalidInputError(
      path,
      'is not a safe integer: ids above 2^53 lose digits as numbers, pass a string or a bigint',
    );
  }
  if (typeof id !== 'string') {
    throw new InvalidInputError(
      path,
      `must be a string, a number or a bigint, not ${describe(id)}`,
    );
  }
  if (id === '') throw new InvalidInputError(path, 'is empty');
  if (id.includes('\0')) {
    throw new InvalidInputError(path, 'holds the character U+0000, which PostgreSQL cannot store');
  }
  throw new InvalidInputError(path, 'holds half of a surrogate pair, which is no text');
}

/** The value where it is a number, else its kind: errors carry no text of the caller's. */
function describe(value: unknown): string {
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  if (value === null) return 'null';
  return Array.isArray(value) ? 'an array' : typeof value;
}
