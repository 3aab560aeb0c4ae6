import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeVectorIds, encodeVectorIds, type StoredVectorId } from '../../src/ids/codec.ts';
import { indexKeysOf, positionsOf } from '../../src/ids/lookup.ts';
import { canonicalId } from '../../src/ids/spellings.ts';
import { vectorIdLists } from '../support/vector-id-lists.ts';

/** Expects a list to be stored like this, and to be decoded to the same list. */
function expectStored(ids: string[], stored: StoredVectorId[]): void {
  expect(encodeVectorIds(ids)).toEqual(stored);
  expect(decodeVectorIds(stored)).toEqual(ids);
}

/** The numbers `first` to `first + count - 1`, each formatted. */
function sequence(first: number, count: number, format: (value: number) => string): string[] {
  return Array.from({ length: count }, (_, index) => format(first + index));
}

/** What the function `vectors_index_key` hashes. */
const indexedForm = (text: string) =>
  text.replaceAll('-', '').replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase());

const hex = (digits: number) => (value: number) => value.toString(16).padStart(digits, '0');

describe('encodeVectorIds makes', () => {
  test('one run of a decimal tail that counts up', () => {
    expectStored(
      sequence(0, 1030, (patch) => `doc7#p3#${patch}`),
      [{ prefix: 'doc7#p3#', from: '0', count: 1030 }],
    );
  });

  test('one run of a padded decimal tail', () => {
    expectStored(
      sequence(8, 4, (value) => `p${String(value).padStart(3, '0')}`),
      [{ prefix: 'p', from: '008', count: 4 }],
    );
  });

  test('a hexadecimal run of consecutive UUIDs', () => {
    expectStored(
      sequence(0x3fe, 1030, (patch) => `00000007-0000-8003-8000-${hex(12)(patch)}`),
      [{ prefix: '00000007-0000-8003-8000-000000000', from: '3fe', count: 1030, radix: 16 }],
    );
  });

  test('a hexadecimal run of consecutive UUIDs without dashes', () => {
    expectStored(
      sequence(9, 3, (value) => `${'a'.repeat(29)}${hex(3)(value)}`),
      [{ prefix: 'a'.repeat(29), from: '009', count: 3, radix: 16 }],
    );
  });

  test('a decimal run of UUIDs whose tails count in decimal', () => {
    const ids = sequence(
      1,
      20,
      (value) => `00000000-0000-4000-8000-${String(value).padStart(12, '0')}`,
    );
    expectStored(ids, [{ prefix: '00000000-0000-4000-8000-00000000', from: '0001', count: 20 }]);
  });

  test('a run of 64-bit integers that keeps all digits', () => {
    expectStored(
      sequence(0, 40, (value) => String(449_278_312_341_234_567n + BigInt(value))),
      [{ prefix: '44927831234123', from: '4567', count: 40 }],
    );
  });

  test('runs and single ids in any order', () => {
    expectStored(
      ['a', 'b1', 'b2', 'b3', 'x', 'c7', 'c8'],
      ['a', { prefix: 'b', from: '1', count: 3 }, 'x', 'c7', 'c8'],
    );
  });

  test('a few runs for a page of several thousand patches', () => {
    const ids = sequence(0, 9000, (patch) => `00000007-0000-8003-8000-${hex(12)(patch)}`);
    expect(encodeVectorIds(ids)).toHaveLength(3);
    expect(decodeVectorIds(encodeVectorIds(ids))).toEqual(ids);
  });
});

describe('a run ends', () => {
  test.each([
    ['before the tail carries at 9999', sequence(9_996, 8, String)],
    [
      'before the tail carries at 0xfff',
      sequence(0xffd, 8, (v) => `${'0'.repeat(20)}${hex(12)(v)}`),
    ],
  ])('%s', (_, ids) => {
    const [first, second, ...more] = encodeVectorIds(ids);
    expect(first).toMatchObject({ count: expect.any(Number) });
    expect(second).toMatchObject({ count: expect.any(Number) });
    expect(more).toEqual([]);
    expect(decodeVectorIds(encodeVectorIds(ids))).toEqual(ids);
  });

  test.each<[string, string[]]>([
    ['the padding changes', ['x08', 'x09', 'x010']],
    ['the padding is dropped', ['x08', 'x09', 'x9', 'x10']],
    ['an id is missing', ['x1', 'x2', 'x4']],
    ['an id is repeated', ['x1', 'x1', 'x2']],
    ['it counts down', ['x3', 'x2', 'x1']],
    ['there are only two', ['x1', 'x2']],
    ['the prefix changes', ['x1', 'y2', 'x3']],
    ['the prefix is longer', ['x1', 'xx2', 'xx3']],
    ['the digits are not ASCII', ['x١', 'x٢', 'x٣']],
    ['the digits are full width', ['x１', 'x２', 'x３']],
    [
      'hexadecimal digits are in upper case',
      sequence(0xa, 3, (v) => 'A'.repeat(29) + hex(3)(v).toUpperCase()),
    ],
    ['hexadecimal ids are not UUIDs', ['aa', 'ab', 'ac']],
    ['ids are empty', ['', '', '']],
  ])('and none begins where %s', (_, ids) => {
    expectStored(ids, ids);
  });
});

describe('any list of strings', () => {
  test('is decoded to the ids that were encoded', () => {
    fc.assert(
      fc.property(vectorIdLists(), (ids) => {
        expect(decodeVectorIds(encodeVectorIds(ids))).toEqual(ids);
      }),
      { numRuns: 2_000 },
    );
  });

  test('survives JSON', () => {
    fc.assert(
      fc.property(vectorIdLists(), (ids) => {
        expect(decodeVectorIds(JSON.parse(JSON.stringify(encodeVectorIds(ids))))).toEqual(ids);
      }),
      { numRuns: 500 },
    );
  });

  test('gives each wanted id its first position, for few and for many wanted ids', () => {
    fc.assert(
      fc.property(vectorIdLists(), vectorIdLists(), (ids, others) => {
        const stored = encodeVectorIds(ids);
        const canonical = ids.map(canonicalId);
        const wanted = [...new Set([...ids.filter((_, index) => index % 2 === 0), ...others])];
        const expected = wanted.flatMap((id): [string, number][] =>
          canonical.includes(canonicalId(id)) ? [[id, canonical.indexOf(canonicalId(id))]] : [],
        );
        expect(positionsOf(stored, wanted)).toEqual(new Map(expected));
        expect(positionsOf(stored, wanted.slice(0, 3))).toEqual(
          new Map(expected.filter(([id]) => wanted.indexOf(id) < 3)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  test('is searched in time that does not grow with ids times elements', () => {
    // 3,333 runs of one prefix and 9,999 ids would take 33 million comparisons.
    const runs = Array.from({ length: 3_333 }, (_, run) => ({
      prefix: 'p',
      from: String(3 * run).padStart(4, '0'),
      count: 3,
    }));
    const ids = decodeVectorIds(runs);
    expect(positionsOf(runs, ids)).toEqual(new Map(ids.map((id, index) => [id, index])));
  });

  test('has index keys for every element that contains an id', () => {
    fc.assert(
      fc.property(vectorIdLists({ minLength: 1 }), fc.nat(), (ids, index) => {
        const id = ids[index % ids.length] as string;
        const { keys, idsOf } = indexKeysOf([id, `${id}0`, id]);
        const holders = encodeVectorIds(ids).filter((stored) =>
          decodeVectorIds([stored]).includes(id),
        );
        expect(indexKeysOf([id]).keys.length).toBeLessThanOrEqual(6);
        expect(holders.length).toBeGreaterThan(0);
        for (const holder of holders) {
          const held =
            typeof holder === 'string' ? [holder] : 'uuids' in holder ? [id] : [holder.prefix];
          const key = keys.find((key) => held.some((text) => indexedForm(text) === key)) ?? '';
          expect(idsOf(key).filter((other) => other === id)).toEqual([id]);
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
