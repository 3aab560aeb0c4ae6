/** Finding ids in stored arrays, without decoding whole pages. */
import {
  decimalTailLength,
  decodeVectorIds,
  hasHexadecimalTail,
  positionInRun,
  type StoredVectorId,
  tails,
  type VectorIdRun,
} from './runs.ts';
import { otherSpellings } from './spellings.ts';

/** What the index on `vector_ids` is searched for: an id, or the prefix of a run. */
export type IndexKey = string | Pick<VectorIdRun, 'prefix'>;

/** The index keys under which ids can be stored. */
export interface IndexKeys {
  /** The ids themselves and one run prefix for each possible tail, without duplicates. */
  keys: IndexKey[];
  /**
   * The ids that an element found by this key might contain. Runs match by prefix only; check with
   * `containsVectorId`.
   */
  idsOf(key: IndexKey): readonly string[];
}

const none: readonly string[] = [];

/** The index keys under which `ids` can be stored. */
export function indexKeysOf(ids: Iterable<string>): IndexKeys {
  const unique = new Set(ids);
  const idsByPrefix = new Map<string, string[]>();
  for (const id of unique) {
    for (const prefix of runPrefixesOf(id)) append(idsByPrefix, prefix, id);
  }
  return {
    keys: [...unique, ...Array.from(idsByPrefix.keys(), (prefix) => ({ prefix }))],
    idsOf(key) {
      if (typeof key !== 'string') return idsByPrefix.get(key.prefix) ?? none;
      return unique.has(key) ? [key] : none;
    },
  };
}

/** The prefixes of all runs that the id can belong to: the id without one of its possible tails. */
function runPrefixesOf(id: string): string[] {
  const decimalDigits = decimalTailLength(id);
  const prefixes: string[] = [];
  for (let length = 1; length <= decimalDigits; length += 1) prefixes.push(id.slice(0, -length));
  const { maxDigits } = tails[16];
  if (decimalDigits < maxDigits && hasHexadecimalTail(id)) prefixes.push(id.slice(0, -maxDigits));
  return prefixes;
}

/** Whether the stored element is this id or a run that contains it. */
export function containsVectorId(element: StoredVectorId, id: string): boolean {
  if (typeof element === 'string') return element === id;
  return positionInRun(element, id) >= 0;
}

/** The first position of the id among the ids of a stored array, from 0; -1 if it is not among them. */
function positionOf(stored: readonly StoredVectorId[], id: string): number {
  let before = 0;
  for (const element of stored) {
    if (typeof element === 'string') {
      if (element === id) return before;
      before += 1;
    } else {
      const position = positionInRun(element, id);
      if (position >= 0) return before + position;
      before += element.count;
    }
  }
  return -1;
}

/** Up to this many ids, comparing each of them with the stored elements is faster than hashing the elements. */
const fewIds = 8;

/**
 * The first position of each id among the ids of a stored array, from 0. Ids that are not among them are left out.
 * The time it takes grows with the number of ids plus the number of elements, not with their product.
 */
export function positionsOf(
  stored: readonly StoredVectorId[],
  ids: readonly string[],
): Map<string, number> {
  const positions = new Map<string, number>();
  const note = (id: string, position: number) => {
    if (position >= 0 && !positions.has(id)) positions.set(id, position);
  };
  if (ids.length <= fewIds) {
    for (const id of ids) note(id, positionOf(stored, id));
    return positions;
  }
  const wanted = indexKeysOf(ids);
  let before = 0;
  for (const element of stored) {
    if (typeof element === 'string') {
      if (wanted.idsOf(element).length > 0) note(element, before);
      before += 1;
    } else {
      const candidates = wanted.idsOf(element);
      // Many runs can have the same prefix, so the shorter side is walked.
      const inRun = candidates.length <= element.count ? candidates : decodeVectorIds([element]);
      for (const id of inRun) {
        if (wanted.idsOf(id).length === 0) continue;
        const position = positionInRun(element, id);
        if (position >= 0) note(id, before + position);
      }
      before += element.count;
    }
  }
  return positions;
}

/**
 * Looks ids up as given, then looks up the other spellings of those that were not found. Most ids are
 * found as given, at a quarter of the cost of trying every spelling.
 *
 * @param find - Returns what it found, by the spelling that it was asked for.
 * @returns What was found, by the id as given.
 */
export async function findInAnySpelling<Found>(
  ids: readonly string[],
  find: (spellings: readonly string[]) => Promise<ReadonlyMap<string, Found>>,
): Promise<Map<string, Found>> {
  const found = new Map(await find([...new Set(ids)]));
  // Several ids can share a spelling: one UUID with and without dashes.
  const idsBySpelling = new Map<string, string[]>();
  for (const id of new Set(ids)) {
    if (found.has(id)) continue;
    for (const spelling of otherSpellings(id)) append(idsBySpelling, spelling, id);
  }
  for (const [spelling, value] of await find([...idsBySpelling.keys()])) {
    for (const id of idsBySpelling.get(spelling) ?? []) {
      if (!found.has(id)) found.set(id, value);
    }
  }
  return found;
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
