/** Runs of consecutive ids. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { requireInteger, requireObject, requireString } from '../require.ts';
import { isLowerCaseUuid } from './spellings.ts';

/**
 * A run of consecutive ids, stored as one element. For k from 0 to `count - 1`, the k-th id is `prefix`
 * followed by `from + k`, written in `radix` and padded with zeros to the length of `from`.
 *
 * The tail is short: up to 4 decimal digits or exactly 3 hexadecimal digits, and it never carries into
 * the prefix. So an id can belong to only a few prefixes, and an index on the column can find it.
 */
export interface VectorIdRun {
  prefix: string;
  /** The tail of the first id, with its leading zeros: `'0'`, `'0998'`, `'3fe'`. */
  from: string;
  /** The number of ids. */
  count: number;
  /** The base of the tail. {@defaultValue 10} */
  radix?: 10 | 16;
}

/** A shorter run would not save space. */
const minRunCount = 3;

/** A tail stays below `limit`, so it never has more than `maxDigits` digits. */
export const tails = {
  10: { maxDigits: 4, limit: 10_000 },
  16: { maxDigits: 3, limit: 0x1000 },
} as const;

export type Radix = keyof typeof tails;

/** All tails of three hexadecimal digits: `'000'` to `'fff'`. */
export const hexadecimalTails: readonly string[] = Array.from(
  { length: tails[16].limit },
  (_, tail) => tail.toString(16).padStart(tails[16].maxDigits, '0'),
);

/** Checks that a run stays below the limit of its radix. A larger run could fill the memory. */
export function requireRun(run: unknown, path: InputPath): VectorIdRun {
  requireObject(run, path);
  const { prefix, from, count, radix = 10 } = run as VectorIdRun;
  requireString(prefix, [...path, 'prefix']);
  requireString(from, [...path, 'from']);
  if (radix !== 10 && radix !== 16) {
    throw new InvalidInputError([...path, 'radix'], 'must be 10 or 16');
  }
  const { limit, maxDigits } = tails[radix];
  const isTail = radix === 10 ? /^\d{1,4}$/ : /^[0-9a-f]{3}$/;
  if (!isTail.test(from)) {
    throw new InvalidInputError(
      [...path, 'from'],
      radix === 10
        ? `must have 1 to ${maxDigits} decimal digits`
        : `must have ${maxDigits} hexadecimal digits in lower case`,
    );
  }
  requireInteger(count, [...path, 'count'], { min: 1, max: limit - Number.parseInt(from, radix) });
  return run as VectorIdRun;
}

export function pushRun(ids: string[], { prefix, from, count, radix = 10 }: VectorIdRun): void {
  const first = Number.parseInt(from, radix);
  const end = first + count;
  // One loop per radix: a condition inside the loop would take as long as making the id.
  if (radix === 16) {
    for (let tail = first; tail < end; tail += 1) {
      ids.push(prefix + hexadecimalTails[tail]);
    }
  } else {
    for (let tail = first; tail < end; tail += 1) {
      ids.push(prefix + tail.toString().padStart(from.length, '0'));
    }
  }
}

/** The longest run that starts at `index`. Undefined if fewer than three ids form one. */
export function longestRunAt(ids: readonly string[], index: number): VectorIdRun | undefined {
  const first = ids[index] as string;
  const next = ids[index + 1];
  if (next === undefined) return undefined;

  const decimalDigits = decimalTailLength(first);
  const decimal = decimalDigits > 0 ? runAt(ids, index, decimalDigits, 10) : undefined;

  // Compares the heads first, so that random UUIDs never reach the regular expression.
  const headLength = first.length - tails[16].maxDigits;
  const hexadecimal =
    next.length === first.length &&
    next.startsWith(first.slice(0, Math.max(headLength, 0))) &&
    isLowerCaseUuid(first)
      ? runAt(ids, index, tails[16].maxDigits, 16)
      : undefined;

  if (decimal === undefined || hexadecimal === undefined) return decimal ?? hexadecimal;
  return hexadecimal.count > decimal.count ? hexadecimal : decimal;
}

/** The run that starts at `index` and counts up the last `digits` characters of its first id. */
function runAt(
  ids: readonly string[],
  index: number,
  digits: number,
  radix: Radix,
): VectorIdRun | undefined {
  const first = ids[index] as string;
  const prefix = first.slice(0, first.length - digits);
  const from = first.slice(first.length - digits);
  const start = Number.parseInt(from, radix);
  const end = Math.min(ids.length - index, tails[radix].limit - start);
  let count = 1;
  while (count < end) {
    const id = ids[index + count] as string;
    if (tailOf(id, prefix.length, digits, radix) !== start + count || !startsWith(id, prefix))
      break;
    count += 1;
  }
  if (count < minRunCount) return undefined;
  return radix === 10 ? { prefix, from, count } : { prefix, from, count, radix };
}

/** The first and the last id of a run. */
export function endsOf({ prefix, from, count, radix = 10 }: VectorIdRun): [string, string] {
  const last = Number.parseInt(from, radix) + count - 1;
  return [prefix + from, prefix + last.toString(radix).padStart(from.length, '0')];
}

/** The position of the id in the run, from 0; -1 if the run does not contain it. */
export function positionInRun(
  { prefix, from, count, radix = 10 }: VectorIdRun,
  id: string,
): number {
  const tail = tailOf(id, prefix.length, from.length, radix);
  const position = tail - Number.parseInt(from, radix);
  return tail >= 0 && position >= 0 && position < count && startsWith(id, prefix) ? position : -1;
}

/**
 * Parses the id's characters from `start` on as a number, padded with zeros to `digits`; -1 if they are
 * not one. Runs once per recorded id, so it allocates nothing.
 */
function tailOf(id: string, start: number, digits: number, radix: Radix): number {
  const length = id.length - start;
  if (length < digits || length > tails[radix].maxDigits) return -1;
  // A tail that is longer than the padding has no leading zero.
  if (length > digits && digitAt(id, start) === 0) return -1;
  let tail = 0;
  for (let at = start; at < id.length; at += 1) {
    const digit = digitAt(id, at);
    if (digit < 0 || digit >= radix) return -1;
    tail = tail * radix + digit;
  }
  return tail;
}

/** `lastIndexOf(prefix, 0)` compares at position 0 only. On Node 20 it is three times as fast as `startsWith`. */
function startsWith(id: string, prefix: string): boolean {
  return id.lastIndexOf(prefix, 0) === 0;
}

/** The value of the lower-case hexadecimal digit at `at`; -1 if it is not one. */
function digitAt(id: string, at: number): number {
  const code = id.charCodeAt(at);
  if (code >= 48 && code <= 57) return code - 48;
  if (code >= 97 && code <= 102) return code - 87;
  return -1;
}

/** The number of ASCII digits at the end of the id, up to the longest decimal tail: 0 to 4. */
export function decimalTailLength(id: string): number {
  let length = 0;
  while (length < Math.min(id.length, tails[10].maxDigits)) {
    const digit = digitAt(id, id.length - 1 - length);
    if (digit < 0 || digit > 9) break;
    length += 1;
  }
  return length;
}
