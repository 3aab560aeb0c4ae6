import fc from 'fast-check';
import { expect, test } from 'vitest';
import { encodeGeneratedIds, isGenerated } from '../../src/ids/generated.ts';
import { encodeVectorIds, hashedPatchVectorIds, patchVectorIds } from '../../src/index.ts';

const counts = fc.oneof(
  fc.integer({ min: 0, max: 40 }),
  fc.integer({ min: 0, max: 10_000 }),
  fc.constantFrom(1030, 4095, 4096, 4097, 4106, 4107, 8192, 8202),
);

test('generated ids are encoded like any other ids', () => {
  fc.assert(
    fc.property(counts, (count) => {
      for (const ids of [
        patchVectorIds({ docId: 7, page: 3, count }),
        hashedPatchVectorIds({ document: 'a', page: 3, count }),
      ]) {
        expect(isGenerated(ids)).toBe(true);
        expect(encodeGeneratedIds(ids)).toEqual(encodeVectorIds(ids));
      }
    }),
    { numRuns: 50 },
  );
});

test('an array of generated ids that was changed is not recognized', () => {
  const changes: ((ids: string[]) => unknown)[] = [
    (ids) => ids.pop(),
    (ids) => ids.push('x'),
    (ids) => ids.reverse(),
    (ids) => ids.splice(3, 1, 'x'),
    (ids) => {
      ids[29] = '';
    },
    (ids) => ids.fill(ids[0] as string),
  ];
  for (const change of changes) {
    const ids = patchVectorIds({ docId: 7, page: 3, count: 30 });
    change(ids);
    expect(isGenerated(ids)).toBe(false);
  }
});

test('a copy of an array of generated ids is not recognized', () => {
  expect(isGenerated([...patchVectorIds({ docId: 7, page: 3, count: 30 })])).toBe(false);
});
