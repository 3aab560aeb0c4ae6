/** The ids that the package generates for a page: patch ids and hashed ids. */
import { encodeVectorIds, type StoredVectorId } from './codec.ts';
import { hexadecimalTails } from './runs.ts';

/** The ids of a page: `head`, followed by 0 to `count - 1` in hexadecimal, padded with zeros to `digits`. */
export interface GeneratedIds {
  head: string;
  digits: number;
  count: number;
}

const [firstTail = ''] = hexadecimalTails;
const tailCount = hexadecimalTails.length;

/** The ids in patch order, beginning with the one at position `start`, a multiple of 4096. */
export function listGeneratedIds(generated: GeneratedIds, start = 0): string[] {
  const ids: string[] = [];
  for (let first = start; first < generated.count; first += tailCount) {
    const prefix = prefixAt(generated, first);
    const end = Math.min(generated.count - first, tailCount);
    for (let tail = 0; tail < end; tail += 1) ids.push(prefix + hexadecimalTails[tail]);
  }
  return ids;
}

/** Encodes the ids as `encodeVectorIds` does, without making them. */
export function encodeGeneratedIds(generated: GeneratedIds): StoredVectorId[] {
  const stored: StoredVectorId[] = [];
  let first = 0;
  // If at most ten ids are left, they can also form a decimal run. `encodeVectorIds` chooses the run.
  for (; generated.count - first > 10; first += tailCount) {
    stored.push({
      prefix: prefixAt(generated, first),
      from: firstTail,
      count: Math.min(generated.count - first, tailCount),
      radix: 16,
    });
  }
  for (const element of encodeVectorIds(listGeneratedIds(generated, first))) stored.push(element);
  return stored;
}

/** What the ids of a run that begins at position `first` have in common. */
function prefixAt({ head, digits }: GeneratedIds, first: number): string {
  return head + first.toString(16).padStart(digits, '0').slice(0, -firstTail.length);
}
