import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Box,
  cssBox,
  type PatchGrid,
  patchBox,
  patchesInBox,
  pdfBox,
} from '../../../src/page/index.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

const grid: PatchGrid = { cols: 24, rows: 32, start: 4 };
/** 3 x 4 tiles of 8 x 8 patches, two markers before each tile, a newline after each row of tiles. */
const tiled: PatchGrid = {
  ...{ cols: 24, rows: 32, start: 5, tile: { cols: 8, rows: 8 } },
  ...{ tileStride: 66, tileRowGap: 1 },
};
const broken: PatchGrid = { cols: 3, rows: 2, start: 1, rowStride: 4 };

/** Grids with more columns than rows or fewer, so that swapped axes cannot pass. */
const oblongGrids = fc
  .record({
    ...{ tilesAcross: fc.integer({ min: 1, max: 5 }), tilesDown: fc.integer({ min: 1, max: 5 }) },
    ...{ cols: fc.integer({ min: 1, max: 9 }), rows: fc.integer({ min: 1, max: 9 }) },
    start: fc.integer({ min: 0, max: 20 }),
    ...{ breaks: fc.integer({ min: 0, max: 2 }), markers: fc.integer({ min: 0, max: 3 }) },
    tileRowGap: fc.integer({ min: 0, max: 2 }),
  })
  .map(({ tilesAcross, tilesDown, cols, rows, start, breaks, markers, tileRowGap }) => ({
    ...{ cols: tilesAcross * cols, rows: tilesDown * rows, start },
    ...{ rowStride: cols + breaks, tile: { cols, rows } },
    ...{ tileStride: rows * (cols + breaks) + markers, tileRowGap },
  }))
  .filter(({ cols, rows }) => cols !== rows);

describe('patchBox', () => {
  test.each<[string, PatchGrid, number, Box]>([
    ['the first patch', grid, 4, { x0: 0, y0: 0, x1: 1 / 24, y1: 1 / 32 }],
    ['the patch to its right', grid, 5, { x0: 1 / 24, y0: 0, x1: 2 / 24, y1: 1 / 32 }],
    ['the patch below it', grid, 28, { x0: 0, y0: 1 / 32, x1: 1 / 24, y1: 2 / 32 }],
    ['the last patch', grid, 771, { x0: 23 / 24, y0: 31 / 32, x1: 1, y1: 1 }],
    ['the second row of the first tile', tiled, 13, { x0: 0, y0: 1 / 32, x1: 1 / 24, y1: 2 / 32 }],
    ['the second tile', tiled, 71, { x0: 8 / 24, y0: 0, x1: 9 / 24, y1: 1 / 32 }],
    ['the second row of tiles', tiled, 204, { x0: 0, y0: 8 / 32, x1: 1 / 24, y1: 9 / 32 }],
    ['a row after a break', broken, 5, { x0: 0, y0: 0.5, x1: 1 / 3, y1: 1 }],
  ])('finds %s', (_, of, patch, expected) => {
    expect(patchBox(of, patch)).toEqual(expected);
  });

  test('converts to the unit of a size', () => {
    const size = { width: 1240, height: 1754 };
    expect(patchBox({ cols: 4, rows: 2, start: 0 }, 5, size)).toEqual({
      ...{ x0: 310, y0: 877, x1: 620, y1: 1754 },
    });
  });

  test.each<[string, PatchGrid, number]>([
    ['before the image', grid, 3],
    ['after the image', grid, 772],
    ['between two rows', broken, 4],
    ['before a tile', tiled, 69],
    ['after a row of tiles', tiled, 203],
    ['of the whole page, after the tiles', tiled, 5 + 12 * 66 + 4],
  ])('returns undefined for a vector %s', (_, of, patch) => {
    expect(patchBox(of, patch)).toBeUndefined();
  });

  test.each<[string, unknown[], (string | number)[]]>([
    ['no grid', [null, 0], ['grid']],
    ['a grid without rows', [{ cols: 2, start: 0 }, 0], ['grid', 'rows']],
    ['a negative patch', [grid, -1], ['patch']],
    ['half a patch', [grid, 1.5], ['patch']],
    ['a size without height', [grid, 4, { width: 100 }], ['size', 'height']],
    ['a size of nothing', [grid, 4, { width: 0, height: 1 }], ['size', 'width']],
  ])('rejects %s', (_, args, path) => {
    expectInvalid(() => patchBox(...(args as Parameters<typeof patchBox>)), path);
  });
});

describe('every patch of an oblong grid', () => {
  test('is found in its own box and at its centre', () => {
    fc.assert(
      fc.property(oblongGrids, fc.nat(), (of, random) => {
        const found = everyPatch(of);
        const patch = found[random % found.length] as number;
        const box = patchBox(of, patch) as Box;
        expect(patchesInBox(of, box)).toEqual([patch]);
        const [x, y] = [(box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2];
        expect(patchesInBox(of, { x0: x, y0: y, x1: x, y1: y })).toEqual([patch]);
      }),
    );
  });

  test('covers its own part of the page, and all patches together cover the page', () => {
    fc.assert(
      fc.property(oblongGrids, (of) => {
        const boxes = everyPatch(of).map((patch) => patchBox(of, patch) as Box);
        expect(new Set(boxes.map(({ x0, y0 }) => `${x0} ${y0}`)).size).toBe(of.cols * of.rows);
        const area = boxes.reduce((sum, box) => sum + (box.x1 - box.x0) * (box.y1 - box.y0), 0);
        expect(area).toBeCloseTo(1);
        expect(Math.max(...boxes.map(({ x1 }) => x1))).toBe(1);
        expect(Math.max(...boxes.map(({ y1 }) => y1))).toBe(1);
      }),
    );
  });

  function everyPatch(of: PatchGrid): number[] {
    return patchesInBox(of, { x0: 0, y0: 0, x1: 1, y1: 1 });
  }
});

describe('patchesInBox', () => {
  test('returns the patches that overlap the box, in the order of the vectors', () => {
    const box = { x0: 7.5 / 24, y0: 0, x1: 8.5 / 24, y1: 1.5 / 32 };
    expect(patchesInBox(grid, box)).toEqual([11, 12, 35, 36]);
    expect(patchesInBox(tiled, box)).toEqual([12, 20, 71, 79]);
  });

  test('takes a box in the unit of a size', () => {
    const size = { width: 240, height: 320 };
    expect(patchesInBox(grid, { x0: 10, y0: 0, x1: 20, y1: 10 }, size)).toEqual([5]);
  });

  test('cuts a box at the edges of the page', () => {
    expect(patchesInBox(grid, { x0: -1, y0: -1, x1: 0.01, y1: 0.01 })).toEqual([4]);
    expect(patchesInBox(grid, { x0: -2, y0: 0, x1: -1, y1: 1 })).toEqual([]);
    expect(patchesInBox(grid, { x0: 0, y0: 1.1, x1: 1, y1: 2 })).toEqual([]);
  });

  test('leaves out a box that only touches the page, but not a point on its edge', () => {
    expect(patchesInBox(grid, { x0: -1, y0: 0, x1: 0, y1: 1 })).toEqual([]);
    expect(patchesInBox(grid, { x0: 1, y0: 0, x1: 2, y1: 1 })).toEqual([]);
    expect(patchesInBox(grid, { x0: 1, y0: 1, x1: 1, y1: 1 })).toEqual([771]);
    expect(patchesInBox(grid, { x0: 0, y0: 0, x1: 0, y1: 0 })).toEqual([4]);
  });

  test.each<[string, unknown, (string | number)[]]>([
    ['no box', undefined, ['box']],
    ['a box without an edge', { x0: 0, y0: 0, x1: 1 }, ['box', 'y1']],
    ['an edge that is no number', { x0: Number.NaN, y0: 0, x1: 1, y1: 1 }, ['box', 'x0']],
    ['a box that is turned round', { x0: 1, y0: 0, x1: 0, y1: 1 }, ['box']],
  ])('rejects %s', (_, box, path) => {
    expectInvalid(() => patchesInBox(grid, box as Box), path);
  });
});

test('cssBox formats percentages', () => {
  expect(cssBox({ x0: 1 / 8, y0: 0, x1: 1 / 2, y1: 1 / 3 })).toEqual({
    ...{ left: '12.5%', top: '0%', width: '37.5%', height: '33.333333%' },
  });
  expectInvalid(() => cssBox({ x0: 1, y0: 0, x1: 0, y1: 1 }), ['box']);
});

describe('pdfBox', () => {
  const page = { width: 600, height: 800 };
  /** A box at the top left of the page as it is displayed, wider than high. */
  const box = { x0: 0, y0: 0, x1: 0.5, y1: 0.25 };

  test.each([
    [0, { x0: 0, y0: 600, x1: 300, y1: 800 }],
    [90, { x0: 0, y0: 0, x1: 150, y1: 400 }],
    [180, { x0: 300, y0: 0, x1: 600, y1: 200 }],
    [270, { x0: 450, y0: 400, x1: 600, y1: 800 }],
  ] as const)('converts a box of a page that is rotated by %i degrees', (rotation, expected) => {
    expect(pdfBox(box, { ...page, rotation })).toEqual(expected);
  });

  test('adds the corner of the crop box', () => {
    expect(pdfBox(box, { ...page, x: 10, y: 20 })).toEqual({ x0: 10, y0: 620, x1: 310, y1: 820 });
  });

  test.each<[string, object, (string | number)[]]>([
    ['a rotation of 45', { ...page, rotation: 45 }, ['page', 'rotation']],
    ['a page without a width', { height: 800 }, ['page', 'width']],
    ['a corner that is text', { ...page, x: '1' }, ['page', 'x']],
  ])('rejects %s', (_, wrong, path) => {
    expectInvalid(() => pdfBox(box, wrong as Parameters<typeof pdfBox>[1]), path);
  });
});
