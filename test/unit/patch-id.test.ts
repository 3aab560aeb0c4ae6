import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  encodeVectorIds,
  InvalidInputError,
  type PatchPlace,
  parsePatchVectorId,
  patchVectorId,
  patchVectorIds,
} from '../../src/index.ts';

const max = 2 ** 31 - 1;

/** Any place, including the limits of each range and of each group of digits. */
const places: fc.Arbitrary<PatchPlace> = fc.record({
  docId: fc.oneof(fc.integer({ min: 1, max }), fc.constantFrom(1, max)),
  page: fc.oneof(
    fc.integer({ min: 1, max }),
    fc.constantFrom(1, 0xfff, 0x1000, 2 ** 28 - 1, 2 ** 28, max),
  ),
  patch: fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, 0xfff, 0x1000, max)),
});

test('a patch id encodes document, page and patch', () => {
  expect(patchVectorId({ docId: 7, page: 3, patch: 41 })).toBe(
    '00000007-0000-8003-8000-000000000029',
  );
});

test('a patch id is a UUID of version 8 and the RFC variant', () => {
  fc.assert(
    fc.property(places, (place) => {
      expect(patchVectorId(place)).toMatch(
        /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
      );
    }),
  );
});

test('a patch id parses to the place it was generated from, over the full range', () => {
  fc.assert(
    fc.property(places, (place) => {
      expect(parsePatchVectorId(patchVectorId(place))).toEqual(place);
    }),
    { numRuns: 2_000 },
  );
});

test('patch ids sort by document, page and patch, for pages below 2^28', () => {
  const belowLimit = places.filter(({ page }) => page < 2 ** 28);
  fc.assert(
    fc.property(belowLimit, belowLimit, (a, b) => {
      const byPlace = a.docId - b.docId || a.page - b.page || a.patch - b.patch;
      const [idA, idB] = [patchVectorId(a), patchVectorId(b)];
      expect(Math.sign(byPlace)).toBe(idA < idB ? -1 : idA > idB ? 1 : 0);
    }),
    { numRuns: 2_000 },
  );
});

test('the ids of a page are those of its patches from 0, and are stored as one run', () => {
  const ids = patchVectorIds({ docId: 7, page: 3, count: 1030 });
  expect(ids).toHaveLength(1030);
  expect(ids[41]).toBe(patchVectorId({ docId: 7, page: 3, patch: 41 }));
  expect(encodeVectorIds(ids)).toHaveLength(1);
});

describe('parsePatchVectorId returns undefined for', () => {
  const id = patchVectorId({ docId: 7, page: 3, patch: 41 });
  test.each([
    ['another version', id.replace('-8003', '-4003')],
    ['another variant', id.replace('-8000-', '-c000-')],
    ['a bit that is always zero', id.replace('-8000-', '-8010-')],
    ['upper case', patchVectorId({ docId: 10, page: 3, patch: 0 }).toUpperCase()],
    ['no dashes', id.replaceAll('-', '')],
    ['page 0', id.replace('-8003', '-8000')],
    ['document 0', id.replace('00000007', '00000000')],
    ['a document above 2^31 - 1', id.replace('00000007', '80000000')],
    ['a patch above 2^31 - 1', id.replace('000000000029', '000080000000')],
    ['a leading space', ` ${id}`],
    ['a trailing line break', `${id}\n`],
    ['an empty string', ''],
  ])('%s', (_, other) => {
    expect(parsePatchVectorId(other)).toBeUndefined();
  });

  test('a random UUID', () => {
    fc.assert(
      fc.property(fc.uuid({ version: [1, 2, 3, 4, 5, 6, 7] }), (uuid) => {
        expect(parsePatchVectorId(uuid)).toBeUndefined();
      }),
    );
  });
});

test.each([
  ['docId', { docId: 0, page: 1, patch: 0 }],
  ['docId', { docId: 2 ** 31, page: 1, patch: 0 }],
  ['page', { docId: 1, page: 0, patch: 0 }],
  ['page', { docId: 1, page: 1.5, patch: 0 }],
  ['patch', { docId: 1, page: 1, patch: -1 }],
  ['patch', { docId: 1, page: 1, patch: Number.NaN }],
])('an out-of-range %s is named in the error', (argument, place) => {
  expect(() => patchVectorId(place)).toThrow(InvalidInputError);
  expect(() => patchVectorId(place)).toThrow(new RegExp(`^${argument}: must be an integer from`));
});
