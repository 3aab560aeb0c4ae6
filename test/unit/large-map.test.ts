import fc from 'fast-check';
import { expect, test } from 'vitest';
import { LargeMap } from '../../src/large-map.ts';

test('LargeMap behaves like a Map, however small its parts are', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.tuple(fc.nat(20), fc.nat()), { maxLength: 60 }),
      (maxSize, entries) => {
        const large = new LargeMap<number, number>(maxSize);
        const map = new Map<number, number>();
        for (const [key, value] of entries) {
          large.set(key, value);
          map.set(key, value);
          for (let probe = 0; probe <= 20; probe += 1) {
            expect(large.get(probe)).toBe(map.get(probe));
          }
        }
      },
    ),
  );
});
