/** The stored form of a page's ids: a JSON array of ids, runs and packs. */
import { requireArray, requireString } from '../require.ts';
import { packAt, unpackUuids, type VectorIdPack } from './packs.ts';
import { longestRunAt, pushRun, requireRun, type VectorIdRun } from './runs.ts';

export type { VectorIdPack } from './packs.ts';
export type { VectorIdRun } from './runs.ts';

/** One element of the stored array: an id, a run of consecutive ids, or a pack of UUIDs. */
export type StoredVectorId = string | VectorIdRun | VectorIdPack;

/**
 * Encodes a page's ids, in patch order, as the array to store.
 *
 * Lossless for all strings: `decodeVectorIds(encodeVectorIds(ids))` equals `ids`. Goes from left to right and takes the
 * longest possible run at each position. UUIDs between the runs are packed.
 *
 * @throws {InvalidInputError} `ids` is not an array of strings.
 */
export function encodeVectorIds(ids: readonly string[]): StoredVectorId[] {
  requireArray(ids, ['ids']);
  // An index loop, because other loops skip the holes of a sparse array or take longer.
  for (let index = 0; index < ids.length; index += 1) {
    if (typeof ids[index] !== 'string') requireString(ids[index], ['ids', index]);
  }
  const stored: StoredVectorId[] = [];
  let index = 0;
  let afterRun = 0;
  while (index < ids.length) {
    const run = longestRunAt(ids, index);
    if (run === undefined) {
      index += 1;
    } else {
      pushPacked(stored, ids, afterRun, index);
      stored.push(run);
      index += run.count;
      afterRun = index;
    }
  }
  pushPacked(stored, ids, afterRun, index);
  return stored;
}

/** Adds the ids from `start` to `end`, which form no run. */
function pushPacked(
  stored: StoredVectorId[],
  ids: readonly string[],
  start: number,
  end: number,
): void {
  for (let index = start; index < end; ) {
    const packed = packAt(ids, index, end);
    stored.push(packed?.pack ?? (ids[index] as string));
    index += packed?.count ?? 1;
  }
}

/**
 * Decodes a stored array to the page's ids, in patch order.
 *
 * @throws {InvalidInputError} `stored` is not an array of ids, runs and packs. The check of the column rejects other
 *   values, so this never happens with a value from the column.
 */
export function decodeVectorIds(stored: readonly StoredVectorId[]): string[] {
  requireArray(stored, ['stored']);
  const [only] = stored;
  // Shortcuts for the two most common kinds of page, which need no loop over the ids.
  if (stored.length === 1 && isPack(only)) return unpackUuids(only, ['stored', 0]);
  if (hasOnlyIds(stored)) return stored.slice();
  const ids: string[] = [];
  for (const [index, element] of stored.entries()) {
    if (typeof element === 'string') ids.push(element);
    else if (isPack(element))
      for (const id of unpackUuids(element, ['stored', index])) ids.push(id);
    else pushRun(ids, requireRun(element, ['stored', index]));
  }
  return ids;
}

function hasOnlyIds(stored: readonly StoredVectorId[]): stored is readonly string[] {
  for (const element of stored) {
    if (typeof element !== 'string') return false;
  }
  return true;
}

function isPack(element: unknown): element is VectorIdPack {
  return typeof element === 'object' && element !== null && 'uuids' in element;
}
