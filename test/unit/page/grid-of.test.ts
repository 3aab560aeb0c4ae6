import { describe, expect, test } from 'vitest';
import { InvalidInputError } from '../../../src/index.ts';
import {
  columnMeans,
  type GridOptions,
  gridFromEncoder,
  gridOf,
  rowMeans,
} from '../../../src/page/index.ts';
import { roundHalfToEven } from '../../../src/page/layouts.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

const model = 'vidore/colqwen2.5-v0.2';
const page = { width: 1654, height: 2339 };

test.each([
  [0.5, 0],
  [1.5, 2],
  [2.5, 2],
  [3.5, 4],
  [2.4999, 2],
  [2.5001, 3],
  [21, 21],
])('%d is rounded to %d, a half to the even neighbour as in Python', (value, expected) => {
  expect(roundHalfToEven(value)).toBe(expected);
});

test('an edge halfway between two numbers of patches is rounded to the even one', () => {
  // 630 pixels are 22.5 patches of 28, and 574 pixels are 20.5.
  expect(gridOf(model, { width: 630, height: 574 })).toMatchObject({ cols: 22, rows: 20 });
  expect(gridOf(model, { width: 602, height: 546 })).toMatchObject({ cols: 22, rows: 20 });
});

test('a page that is thinner than a patch is enlarged', () => {
  expect(gridOf(model, { width: 1000, height: 10 })).toMatchObject({ cols: 20, rows: 1 });
});

test('the resolution of the image changes the grid', () => {
  expect(gridOf(model, { width: 595, height: 842 })).toMatchObject({ cols: 21, rows: 30 });
  expect(gridOf(model, { width: 1240, height: 1754 })).toMatchObject({ cols: 23, rows: 32 });
});

test('the options of the server change the grid', () => {
  expect(gridOf(model, page, { start: 15 })).toEqual({ cols: 23, rows: 32, start: 15 });
  expect(gridOf(model, page, { maxPixels: 1280 * 28 * 28 })).toMatchObject({ cols: 30, rows: 42 });
});

describe('a number of vectors', () => {
  test.each<[number, GridOptions]>([
    [747, {}],
    [736, { imageOnly: true }],
    [751, { start: 15 }],
    [900, { start: 15 }],
  ])('of %i fits with %j', (vectors, options) => {
    expect(gridOf(model, page, { ...options, vectors })).toMatchObject({ cols: 23, rows: 32 });
  });

  test.each<[number, GridOptions]>([
    [736, {}],
    [755, {}],
    [747, { imageOnly: true }],
    [750, { start: 15 }],
    [0, {}],
  ])('of %i is rejected with %j', (vectors, options) => {
    expectInvalid(() => gridOf(model, page, { ...options, vectors }), ['options', 'vectors']);
  });

  test('that does not fit the grid is rejected, and the error says which number fits', () => {
    expect(() => gridOf(model, page, { vectors: 755 })).toThrow(
      new InvalidInputError(['options', 'vectors'], 'must be 747 for a grid of 23 x 32, got 755'),
    );
  });
});

describe('gridOf rejects', () => {
  test.each<[string, unknown[], (string | number)[]]>([
    ['a model that is not text', [7, page], ['model']],
    ['a page that is null', [model, null], ['page']],
    ['a page without a height', [model, { width: 100 }], ['page', 'height']],
    ['a page of half pixels', [model, { width: 100.5, height: 10 }], ['page', 'width']],
    ['a page without width', [model, { width: 0, height: 10 }], ['page', 'width']],
    ['a page that is only a line', [model, { width: 201, height: 1 }], ['page']],
    ['options that are null', [model, page, null], ['options']],
    ['a negative start', [model, page, { start: -1 }], ['options', 'start']],
    ['a start that is text', [model, page, { start: '4' }], ['options', 'start']],
    ['imageOnly that is a number', [model, page, { imageOnly: 1 }], ['options', 'imageOnly']],
    ['pixels without a size', [model, page, { maxPixels: 3000 }], ['options', 'maxPixels']],
    ['more least pixels than most', [model, page, { minPixels: 1e6 }], ['options', 'minPixels']],
    ['tiles for a model without', [model, page, { maxTiles: 4 }], ['options', 'maxTiles']],
    ['pixels for a fixed grid', ['colpali-v1.3', page, { maxPixels: 9 }], ['options', 'maxPixels']],
    ['a tile size for Idefics3', ['colSmol-256M', page, { tileSize: 9 }], ['options', 'tileSize']],
  ])('%s', (_, args, path) => {
    expectInvalid(() => gridOf(...(args as Parameters<typeof gridOf>)), path);
  });
});

describe('gridFromEncoder', () => {
  test('divides the grid of the encoder by the merge size, rows before columns', () => {
    const encoder = { imageGridThw: [1, 64, 46], mergeSize: 2, start: 4, vectors: 747 };
    expect(gridFromEncoder(encoder)).toEqual({ cols: 23, rows: 32, start: 4 });
  });

  test.each<[string, object, (string | number)[]]>([
    ['a grid that is not an array', { imageGridThw: '1,64,46' }, ['encoder', 'imageGridThw']],
    ['a grid of two numbers', { imageGridThw: [64, 46] }, ['encoder', 'imageGridThw']],
    ['a video', { imageGridThw: [2, 64, 46] }, ['encoder', 'imageGridThw', 0]],
    ['an odd number of rows', { imageGridThw: [1, 63, 46] }, ['encoder', 'imageGridThw', 1]],
    ['no columns', { imageGridThw: [1, 64, 0] }, ['encoder', 'imageGridThw', 2]],
    ['no merge size', { mergeSize: undefined }, ['encoder', 'mergeSize']],
    ['no start', { start: undefined }, ['encoder', 'start']],
    ['too few vectors', { vectors: 739 }, ['encoder', 'vectors']],
    ['more vectors than any page', { imageGridThw: [1, 2000, 2000] }, ['encoder', 'imageGridThw']],
  ])('rejects %s', (_, wrong, path) => {
    const encoder = { imageGridThw: [1, 64, 46], mergeSize: 2, start: 4, ...wrong };
    expectInvalid(() => gridFromEncoder(encoder), path);
  });
});

test('means of rows and columns are grids', () => {
  const grid = { cols: 24, rows: 32, start: 4 };
  expect(rowMeans(grid)).toEqual({ cols: 1, rows: 32, start: 0 });
  expect(columnMeans(grid, 32)).toEqual({ cols: 24, rows: 1, start: 32 });
  expectInvalid(() => rowMeans({ cols: 0, rows: 1, start: 0 }), ['grid', 'cols']);
  expectInvalid(() => columnMeans(grid, -1), ['start']);
});
