import fc from 'fast-check';
import { test } from 'vitest';
import { InvalidInputError } from '../../../src/index.ts';
import * as page from '../../../src/page/index.ts';

const { hitsFrom, ...functions } = page;
const all = Object.entries({ ...functions, ...hitsFrom }) as [
  string,
  (...args: unknown[]) => unknown,
][];

/** Values of the right shape, so that random ones also reach the inner checks. */
const plausible = fc.constantFrom<unknown>(
  ...['vidore/colqwen2.5-v0.2', 'vidore/colSmol-256M', 0, 1, 4, undefined],
  ...[
    { cols: 3, rows: 2, start: 1 },
    { width: 30, height: 20 },
    { x0: 0, y0: 0, x1: 1, y1: 1 },
  ],
  ...[{ cols: 1, rows: 1, values: Float32Array.of(1) }, Float32Array.of(1, 2)],
  ...[{ tokens: 1, vectors: 7, values: new Float32Array(7) }, []],
  ...[[{ vectorId: 'a', score: 1 }], [{ docId: 1, page: 1, patch: 0, idCount: 1 }]],
);
const anything = fc.anything({
  withBigInt: true,
  withDate: true,
  withSparseArray: true,
  withTypedArray: true,
});
/** A plausible object with one field replaced. */
const nearlyPlausible = fc
  .tuple(plausible, fc.nat(), anything)
  .map(([value, random, replacement]) => {
    if (typeof value !== 'object' || value === null || value instanceof Float32Array) return value;
    const keys = Object.keys(value);
    const key = keys[random % keys.length];
    return key === undefined ? value : { ...value, [key]: replacement };
  });

test.each(all)('%s rejects random arguments with an InvalidInputError', (_, run) => {
  const args = fc.array(fc.oneof(anything, plausible, nearlyPlausible), { maxLength: 4 });
  fc.assert(
    fc.property(args, (given) => {
      try {
        run(...given);
      } catch (error) {
        if (!(error instanceof InvalidInputError)) throw error;
      }
    }),
    { numRuns: 500 },
  );
});
