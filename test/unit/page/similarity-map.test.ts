import { describe, expect, test } from 'vitest';
import {
  type RegionOptions,
  regionsOf,
  relevanceOfRegions,
  type SimilarityMap,
  similarities,
  similarityMap,
} from '../../../src/page/index.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

/** A map from rows of text: a digit is tenths, a dot is unknown. */
function mapOf(...lines: string[]): SimilarityMap {
  const values = lines.flatMap((line) =>
    [...line].map((c) => (c === '.' ? Number.NaN : Number(c) / 10)),
  );
  return { cols: lines[0]?.length ?? 0, rows: lines.length, values: Float32Array.from(values) };
}

describe('similarityMap', () => {
  // Two tokens; a vector of the prompt before the image of 3 x 2 patches and one after it.
  const scores = similarities(
    Float32Array.of(1, 0, 0, 1),
    Float32Array.of(9, 9, 1, 2, 3, 0, 5, 1, 0, 7, 0, 0, -1, -3, 9, 9),
    2,
  );
  const grid = { cols: 3, rows: 2, start: 1 };

  test('gives each patch its best similarity to any token, and leaves out the prompt', () => {
    expect(similarityMap(grid, scores)).toEqual({
      ...{ cols: 3, rows: 2, values: Float32Array.of(2, 3, 5, 7, 0, -1) },
    });
  });

  test('uses only the given query tokens', () => {
    expect([...similarityMap(grid, scores, [0]).values]).toEqual([1, 3, 5, 0, 0, -1]);
    expect([...similarityMap(grid, scores, [1]).values]).toEqual([2, 0, 1, 7, 0, -3]);
  });

  test('puts the patches of tiles in the order of the page', () => {
    const tiled = { cols: 4, rows: 1, start: 0, tile: { cols: 2, rows: 1 }, tileStride: 3 };
    const page = Float32Array.of(1, 2, 99, 3, 4);
    const map = similarityMap(tiled, similarities(Float32Array.of(1), page, 1));
    expect([...map.values]).toEqual([1, 2, 3, 4]);
  });

  test('leaves patches without a score unknown', () => {
    const hits = [
      { patch: 3, score: 0.5 },
      { patch: 3, score: 0.25 },
      { patch: 0, score: 9 },
      { patch: 6, score: -1 },
    ];
    const { values } = similarityMap(grid, hits);
    expect([...values]).toEqual([Number.NaN, Number.NaN, 0.5, Number.NaN, Number.NaN, -1]);
  });

  test.each<[string, unknown[], (string | number)[]]>([
    ['a grid beyond the vectors', [{ cols: 4, rows: 2, start: 1 }, scores], ['grid']],
    ['a grid without rows', [{ cols: 4, start: 1 }, scores], ['grid', 'rows']],
    ['no scores', [grid, undefined], ['scores']],
    ['values of another shape', [grid, { ...scores, vectors: 9 }], ['scores', 'values']],
    ['a token that is not there', [grid, scores, [0, 2]], ['tokens', 1]],
    ['a patch without score', [grid, [{ patch: 1 }]], ['scores', 0, 'score']],
    ['tokens of patches', [grid, [{ patch: 1, score: 1 }], [0]], ['tokens']],
  ])('rejects %s', (_, args, path) => {
    expectInvalid(() => similarityMap(...(args as Parameters<typeof similarityMap>)), path);
  });
});

describe('relevanceOfRegions', () => {
  const map = mapOf('24', '68');

  test('returns the value of the patch for a region that is exactly one patch', () => {
    const box = { x0: 0.5, y0: 0, x1: 1, y1: 0.5 };
    expect(relevanceOfRegions(map, [box])[0]).toBeCloseTo(0.4);
  });

  test('weights each patch by its intersection over union with the region', () => {
    // Covers the upper left patch, and half of the one to its right: IoU 0.25/0.375 and 0.125/0.5.
    const box = { x0: 0, y0: 0, x1: 0.75, y1: 0.5 };
    const [left, right] = [0.25 / 0.375, 0.125 / 0.5];
    const expected = (left * 0.2 + right * 0.4) / (left + right);
    expect(relevanceOfRegions(map, [box])[0]).toBeCloseTo(expected);
    expect(relevanceOfRegions(map, [{ x0: 0, y0: 0, x1: 1, y1: 1 }])[0]).toBeCloseTo(0.5);
  });

  test('leaves out unknown patches, and returns 0 if it knows none', () => {
    const sparse = mapOf('.4', '..');
    const whole = { x0: 0, y0: 0, x1: 1, y1: 1 };
    const [known, unknown, outside] = relevanceOfRegions(sparse, [
      whole,
      { x0: 0, y0: 0.5, x1: 1, y1: 1 },
      { x0: 2, y0: 0, x1: 3, y1: 1 },
    ]);
    expect(known).toBeCloseTo(0.4);
    expect([unknown, outside]).toEqual([0, 0]);
  });

  test('rejects invalid boxes and maps', () => {
    expectInvalid(() => relevanceOfRegions(map, [{ x0: 1, y0: 0, x1: 0, y1: 1 }]), ['boxes', 0]);
    expectInvalid(() => relevanceOfRegions({ ...map, rows: 3 }, []), ['map', 'values']);
    expectInvalid(() => relevanceOfRegions(null as never, []), ['map']);
  });
});

describe('regionsOf', () => {
  const map = mapOf(
    ...['0000000', '0990000', '0080006', '0000060', '0000000'], //
  );

  test('returns the boxes of hot patches that touch each other, the best first', () => {
    expect(regionsOf(map, { threshold: 0.5 })).toEqual([
      {
        box: { x0: 1 / 7, y0: 1 / 5, x1: 3 / 7, y1: 3 / 5 },
        patches: 3,
        score: expect.closeTo(0.9),
        mean: expect.closeTo(0.8667, 3),
      },
      {
        box: { x0: 5 / 7, y0: 2 / 5, x1: 1, y1: 4 / 5 },
        patches: 2,
        score: expect.closeTo(0.6),
        mean: expect.closeTo(0.6),
      },
    ]);
  });

  test.each<[RegionOptions, number[]]>([
    [{ threshold: 0.5, connectivity: 4 }, [3, 1, 1]],
    [{ threshold: 0.5, minPatches: 3 }, [3]],
    [{ threshold: 0.85 }, [2]],
    [{ threshold: 0 }, [35]],
    [{ threshold: 1 }, []],
    [{}, [3, 2]],
  ])('with %j returns regions with these numbers of patches: %j', (options, patches) => {
    expect(regionsOf(map, options).map((region) => region.patches)).toEqual(patches);
  });

  test('does not connect the end of a row with the start of the next', () => {
    expect(regionsOf(mapOf('009', '900'), { threshold: 0.5 })).toHaveLength(2);
  });

  test('returns one region for a map of equal values', () => {
    expect(regionsOf(mapOf('333', '333'))).toMatchObject([{ patches: 6 }]);
  });

  test('leaves out unknown patches, and returns no region for a map without values', () => {
    expect(regionsOf(mapOf('.3.', '...'))).toMatchObject([{ patches: 1 }]);
    expect(regionsOf(mapOf('...', '...'))).toEqual([]);
    expect(regionsOf(mapOf('...', '...'), { threshold: 0 })).toEqual([]);
  });

  test.each<[object, string]>([
    [{ connectivity: 6 }, 'connectivity'],
    [{ threshold: '0.5' }, 'threshold'],
    [{ threshold: Number.NaN }, 'threshold'],
    [{ minPatches: 0 }, 'minPatches'],
  ])('rejects %j', (options, name) => {
    expectInvalid(() => regionsOf(map, options), ['options', name]);
  });
});
