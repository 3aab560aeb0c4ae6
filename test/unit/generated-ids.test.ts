import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeGeneratedIds } from '../../src/ids/generated.ts';
import { generatedHashedIds } from '../../src/ids/hashed-patch-id.ts';
import { generatedPatchIds } from '../../src/ids/patch-id.ts';
import { encodeVectorIds, hashedPatchVectorIds, patchVectorIds } from '../../src/index.ts';

const counts = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 10_000 }),
  fc.constantFrom(1030, 4095, 4096, 4097, 4106, 4107, 8192, 8202, 40_970, 99_999, 100_000),
);

test('generated ids are encoded like a list of them', () => {
  fc.assert(
    fc.property(counts, (count) => {
      expect(encodeGeneratedIds(generatedPatchIds(7, 3, count))).toEqual(
        encodeVectorIds(patchVectorIds({ docId: 7, page: 3, count })),
      );
      expect(encodeGeneratedIds(generatedHashedIds('a', 3, count))).toEqual(
        encodeVectorIds(hashedPatchVectorIds({ document: 'a', page: 3, count })),
      );
    }),
    { numRuns: 60 },
  );
});
