/** Pages of generated ids: patch ids and hashed ids. */
import { encodeVectorIds, type StoredVectorId } from './codec.ts';
import { hexadecimalTails } from './runs.ts';

const [firstTail = ''] = hexadecimalTails;
const tailCount = hexadecimalTails.length;

/** Arrays that were generated here, each with a copy, because the caller may change the array. */
const generated = new WeakMap<readonly unknown[], readonly string[]>();

/** Generates `count` ids: `head` followed by 0 to `count - 1` in hexadecimal, padded with zeros to `digits`. */
export function generateIds(head: string, digits: number, count: number): string[] {
  const ids: string[] = [];
  for (let first = 0; first < count; first += tailCount) {
    const prefix = head + first.toString(16).padStart(digits, '0').slice(0, -firstTail.length);
    const end = Math.min(count - first, tailCount);
    for (let tail = 0; tail < end; tail += 1) ids.push(prefix + hexadecimalTails[tail]);
  }
  generated.set(ids, ids.slice());
  return ids;
}

/**
 * Whether `generateIds` made this array and nobody has changed it.
 *
 * Compares references, not characters, which would take a hundred times as long.
 */
export function isGenerated(ids: readonly unknown[]): ids is readonly string[] {
  const copy = generated.get(ids);
  if (copy === undefined || copy.length !== ids.length) return false;
  for (let index = 0; index < copy.length; index += 1) {
    // Object.is compares the references first; `!==` first looks at the types of both.
    if (!Object.is(ids[index], copy[index])) return false;
  }
  return true;
}

/** Encodes generated ids as `encodeVectorIds` does, without reading them one by one. */
export function encodeGeneratedIds(ids: readonly string[]): StoredVectorId[] {
  const stored: StoredVectorId[] = [];
  let index = 0;
  // Up to ten ids can also be a decimal run; the encoder decides.
  for (; ids.length - index > 10; index += tailCount) {
    const prefix = (ids[index] as string).slice(0, -firstTail.length);
    stored.push({
      prefix,
      from: firstTail,
      count: Math.min(ids.length - index, tailCount),
      radix: 16,
    });
  }
  return [...stored, ...encodeVectorIds(ids.slice(index))];
}
