import { encodeVectorIds, hexadecimalTails, type StoredVectorId } from './runs.ts';

const [firstTail = ''] = hexadecimalTails;
const tailCount = hexadecimalTails.length;

/** Arrays of ids that were computed, each with a copy: whoever has the array may have changed it since. */
const computed = new WeakMap<readonly unknown[], readonly string[]>();

/** The ids 0 to `count - 1`, written in so many hexadecimal digits behind `head`. */
export function computeIds(head: string, digits: number, count: number): string[] {
  const ids: string[] = [];
  for (let first = 0; first < count; first += tailCount) {
    const prefix = head + first.toString(16).padStart(digits, '0').slice(0, -firstTail.length);
    const end = Math.min(count - first, tailCount);
    for (let tail = 0; tail < end; tail += 1) ids.push(prefix + hexadecimalTails[tail]);
  }
  computed.set(ids, ids.slice());
  return ids;
}

/**
 * Whether these are ids that were computed here, in this very array, and nobody has changed them.
 *
 * To know that takes no look into the ids, only whether they are the same strings in memory: reading them
 * takes a hundred times as long, and longer than PostgreSQL takes to record the page.
 */
export function areComputedIds(ids: readonly unknown[]): ids is readonly string[] {
  const made = computed.get(ids);
  if (made === undefined || made.length !== ids.length) return false;
  for (let index = 0; index < made.length; index += 1) {
    // Compares the references first, where `!==` looks at both strings' kinds.
    if (!Object.is(ids[index], made[index])) return false;
  }
  return true;
}

/** The same as `encodeVectorIds` of computed ids. */
export function encodeComputedIds(ids: readonly string[]): StoredVectorId[] {
  const stored: StoredVectorId[] = [];
  let index = 0;
  // Up to ten ids may be a run of decimals as well: those are for the encoder to see.
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
