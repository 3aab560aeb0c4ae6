import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { flattenVectors, maxSim, similarities } from '../../../src/page/index.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

const query = Float32Array.of(1, 0, 0, 1);
const page = Float32Array.of(0.5, 0.25, 0.75, -1, 0, 0.5);

test('maxSim sums the best similarity of each query token and says which vector won', () => {
  const { score, scores, patches } = maxSim(query, page, 2);
  expect(score).toBe(1.25);
  expect([...scores]).toEqual([0.75, 0.5]);
  expect([...patches]).toEqual([1, 2]);
});

test('the first of equal vectors wins, and similarities may be negative', () => {
  const { patches, score } = maxSim(Float32Array.of(1), Float32Array.of(-2, -1, -1), 1);
  expect([...patches]).toEqual([1]);
  expect(score).toBe(-1);
});

test('similarities are the dot products, for every number of tokens, vectors and values', () => {
  const value = fc.integer({ min: -8, max: 8 });
  const shape = fc.record({
    ...{ tokens: fc.integer({ min: 1, max: 9 }), vectors: fc.integer({ min: 1, max: 7 }) },
    dim: fc.integer({ min: 1, max: 6 }),
  });
  const input = shape.chain(({ tokens, vectors, dim }) => {
    const list = (count: number) =>
      fc.array(fc.array(value, { minLength: dim, maxLength: dim }), {
        ...{ minLength: count, maxLength: count },
      });
    return fc.record({ query: list(tokens), page: list(vectors), dim: fc.constant(dim) });
  });
  fc.assert(
    fc.property(input, ({ query, page, dim }) => {
      const { tokens, vectors, values } = similarities(
        ...([flattenVectors(query), flattenVectors(page), dim] as const),
      );
      expect([tokens, vectors]).toEqual([query.length, page.length]);
      const dot = (a: number[], b: number[]) =>
        a.reduce((sum, x, at) => sum + x * (b[at] as number), 0);
      const expected = query.flatMap((token) => page.map((vector) => dot(token, vector)));
      expect([...values].map((x) => x + 0)).toEqual(expected.map((x) => x + 0));
    }),
  );
});

describe('maxSim rejects', () => {
  test.each<[string, unknown[], string]>([
    ['a plain array', [[1, 0], page, 2], 'query'],
    ['a Float64Array', [query, new Float64Array(4), 2], 'page'],
    ['no query', [new Float32Array(), page, 2], 'query'],
    ['a page without vectors', [query, new Float32Array(), 2], 'page'],
    ['half a vector', [query, page.subarray(1), 2], 'page'],
    ['no dimension', [query, page, 0], 'dim'],
  ])('%s', (_, args, path) => {
    expectInvalid(() => maxSim(...(args as Parameters<typeof maxSim>)), [path]);
  });
});

test('flattenVectors copies vectors of one length', () => {
  expect(flattenVectors([[1, 2], Float32Array.of(3, 4)])).toEqual(Float32Array.of(1, 2, 3, 4));
  expect(flattenVectors([])).toEqual(new Float32Array());
  expectInvalid(() => flattenVectors([[1, 2], [3]]), ['vectors', 1]);
  expectInvalid(() => flattenVectors([[1], ['2'] as never]), ['vectors', 1, 0]);
  expectInvalid(() => flattenVectors('12' as never), ['vectors']);
});
