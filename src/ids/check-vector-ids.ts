import { type InputPath, InvalidInputError } from '../errors.ts';
import { describe, requireArray } from '../require.ts';

/** A vector id as callers may pass it. A number or bigint becomes its decimal string. */
export type VectorIdInput = string | number | bigint;

/** The most vectors of a page. Models make up to 16,384. A larger page would block the event loop for too long. */
export const maxVectorsPerPage = 100_000;

/**
 * Checks ids and returns them as strings, in a new array.
 *
 * @throws {InvalidInputError} An id cannot be stored unchanged. The path names its position.
 */
export function checkVectorIds(ids: unknown, path: InputPath = ['vectorIds']): string[] {
  requireArray(ids, path);
  const strings: string[] = [];
  // An index loop: a callback per id takes twice as long, and forEach would skip holes in a sparse array.
  for (let index = 0; index < ids.length; index += 1) {
    const id = ids[index];
    // Nearly all ids are valid strings. Build the path only for the others.
    const isValid = typeof id === 'string' && id !== '' && !id.includes('\0') && id.isWellFormed();
    strings.push(isValid ? id : toValidId(id, [...path, index]));
  }
  return strings;
}

/** Converts a number or bigint to a string, or throws the reason why the id is not valid. */
function toValidId(id: unknown, path: InputPath): string {
  if (typeof id === 'bigint') return id.toString();
  if (typeof id === 'number') {
    if (Number.isSafeInteger(id)) return id.toString();
    throw new InvalidInputError(
      path,
      'is not a safe integer: numbers above 2^53 lose digits, pass a string or a bigint',
    );
  }
  if (typeof id !== 'string') {
    throw new InvalidInputError(
      path,
      `must be a string, a number or a bigint, got ${describe(id)}`,
    );
  }
  if (id === '') throw new InvalidInputError(path, 'must not be empty');
  if (id.includes('\0')) {
    throw new InvalidInputError(path, 'contains U+0000, which PostgreSQL cannot store');
  }
  throw new InvalidInputError(
    path,
    'contains half of a surrogate pair, so it is not valid Unicode',
  );
}
