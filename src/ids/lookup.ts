/** Finds ids in stored arrays, without decoding whole pages. Finds a UUID in all its spellings. */
import { decodeVectorIds, type StoredVectorId } from './codec.ts';
import { countOfPack, findInPack } from './packs.ts';
import { decimalTailLength, endsOf, positionInRun, tails, type VectorIdRun } from './runs.ts';
import { canonicalId, isUuid, uuidLengths } from './spellings.ts';

/** The keys to look up in the index on `vector_ids`. */
export interface IndexKeys {
  /**
   * The ids, and the prefixes of all runs that may contain one of them. In lower case without dashes, as the index
   * compares them. Without duplicates.
   */
  keys: string[];
  /** The ids for which this key was made. A page with the key may have them; `positionsOf` tells. */
  idsOf(key: string): readonly string[];
}

/** The index keys under which `ids` can be stored. */
export function indexKeysOf(ids: Iterable<string>): IndexKeys {
  const idsByKey = new Map<string, string[]>();
  for (const id of new Set(ids)) {
    const canonical = canonicalId(id);
    for (const text of [canonical, ...runPrefixesOf(canonical)])
      append(idsByKey, indexKeyOf(text), id);
  }
  return { keys: [...idsByKey.keys()], idsOf: (key) => idsByKey.get(key) ?? [] };
}

/** The SQL function `vectors_index_key` does the same before it hashes the key. */
function indexKeyOf(text: string): string {
  // ASCII only, as in the collation "C".
  return text.replaceAll('-', '').replaceAll(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** The prefixes of all runs that the id can belong to: the id without one of its possible tails. */
function runPrefixesOf(id: string): string[] {
  const decimalDigits = decimalTailLength(id);
  const prefixes: string[] = [];
  for (let length = 1; length <= decimalDigits; length += 1) prefixes.push(id.slice(0, -length));
  const { maxDigits } = tails[16];
  if (decimalDigits < maxDigits && isUuid(id)) prefixes.push(id.slice(0, -maxDigits));
  return prefixes;
}

/**
 * Finds the first position of each id in a stored array, from 0. An id that is not in it has no entry in the result.
 * The time grows with the number of ids plus the size of the page, not with their product.
 */
export function positionsOf(
  stored: readonly StoredVectorId[],
  ids: readonly string[],
): Map<string, number> {
  const wanted = new Map<string, string[]>();
  for (const id of ids) append(wanted, canonicalId(id), id);
  const canonicalIds = new Set(wanted.keys());
  const positions = new Map<string, number>();
  const note = (canonical: string, position: number) => {
    for (const id of wanted.get(canonical) ?? []) {
      if (!positions.has(id)) positions.set(id, position);
    }
  };
  let before = 0;
  for (const element of stored) {
    if (typeof element === 'string') {
      note(canonicalId(element), before);
      before += 1;
    } else if ('uuids' in element) {
      findInPack(element, canonicalIds, (id, position) => note(id, before + position));
      before += countOfPack(element);
    } else {
      for (const [id, position] of findInRun(element, canonicalIds)) note(id, before + position);
      before += element.count;
    }
  }
  return positions;
}

/** The number of ids of a stored array. */
export function countStoredIds(stored: readonly StoredVectorId[]): number {
  let count = 0;
  for (const element of stored) {
    if (typeof element === 'string') count += 1;
    else count += 'uuids' in element ? countOfPack(element) : element.count;
  }
  return count;
}

/** Finds the wanted ids in a run, with their positions. Loops over the run or the wanted ids, whichever are fewer. */
function findInRun(run: VectorIdRun, wanted: ReadonlySet<string>): [string, number][] {
  const [first, last] = endsOf(run);
  if (wanted.size > run.count || mayMixUuids(first, last)) {
    return decodeVectorIds([run]).map((id, position) => [canonicalId(id), position]);
  }
  // Wanted ids are in canonical form.
  const canonical = isUuid(first) ? { ...run, prefix: indexKeyOf(run.prefix) } : run;
  return Array.from(wanted, (id): [string, number] => [id, positionInRun(canonical, id)]).filter(
    ([, position]) => position >= 0,
  );
}

/**
 * Whether a run may contain both UUIDs and other ids, because its later ids are longer. To check the first and the last
 * id is not enough: if these have 35 and 37 characters, only ids between them can be UUIDs.
 */
function mayMixUuids({ length: shortest }: string, { length: longest }: string): boolean {
  return (
    shortest < longest && uuidLengths.some((length) => shortest <= length && length <= longest)
  );
}

function append(lists: Map<string, string[]>, key: string, value: string): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}
