import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  encodeVectorIds,
  hashedPatchVectorId,
  hashedPatchVectorIds,
  InvalidInputError,
  parsePatchVectorId,
} from '../../src/index.ts';

const max = 2 ** 31 - 1;
const places = fc.record({
  document: fc.oneof(fc.uuid(), fc.string({ minLength: 1, unit: 'grapheme' })),
  page: fc.integer({ min: 1, max }),
  patch: fc.oneof(fc.integer({ min: 0, max }), fc.constantFrom(0, 0xfff, 0x1000, max)),
});

test('a hashed id is a UUID of version 8: the hash of page and document, then the patch', () => {
  fc.assert(
    fc.property(places, (place) => {
      const id = hashedPatchVectorId(place);
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-b[0-9a-f]{3}-[0-9a-f]{12}$/);
      const digits = id.replaceAll('-', '');
      const hash = createHash('sha256').update(`${place.page}/${place.document}`).digest('hex');
      expect(digits.slice(0, 12) + digits.slice(13, 16) + digits.slice(17, 24)).toBe(
        hash.slice(0, 22),
      );
      expect(Number.parseInt(digits.slice(24), 16)).toBe(place.patch);
    }),
  );
});

test('a hashed id is never parsed as a patch id', () => {
  fc.assert(
    fc.property(places, (place) => {
      expect(parsePatchVectorId(hashedPatchVectorId(place))).toBeUndefined();
    }),
  );
});

test('the ids of a page are those of its patches, and are stored as a few runs', () => {
  fc.assert(
    fc.property(places, fc.integer({ min: 0, max: 9_000 }), ({ document, page }, count) => {
      const ids = hashedPatchVectorIds({ document, page, count });
      expect(ids).toHaveLength(count);
      for (const patch of [0, 4_095, 4_096, count - 1].filter(
        (patch) => patch >= 0 && patch < count,
      )) {
        expect(ids[patch]).toBe(hashedPatchVectorId({ document, page, patch }));
      }
      expect(encodeVectorIds(ids).length).toBeLessThanOrEqual(Math.ceil(count / 4_096) + 1);
    }),
    { numRuns: 30 },
  );
});

test('pages and documents have different ids, even if their concatenated keys are equal', () => {
  const id = hashedPatchVectorId({ document: '1/a', page: 1, patch: 0 });
  expect(hashedPatchVectorId({ document: '1/a', page: 11, patch: 0 })).not.toBe(id);
  expect(hashedPatchVectorId({ document: 'a', page: 1, patch: 0 })).not.toBe(id);
});

test.each([
  [{ document: '', page: 1, patch: 0 }, 'document'],
  [{ document: '\ud800', page: 1, patch: 0 }, 'document'],
  [{ document: 7 as unknown as string, page: 1, patch: 0 }, 'document'],
  [{ document: 'a', page: 0, patch: 0 }, 'page'],
  [{ document: 'a', page: 1, patch: -1 }, 'patch'],
  [{ document: 'a', page: 1, patch: 2 ** 31 }, 'patch'],
])('%j is rejected', (place, argument) => {
  expect(() => hashedPatchVectorId(place)).toThrow(InvalidInputError);
  expect(() => hashedPatchVectorId(place)).toThrow(argument);
});
