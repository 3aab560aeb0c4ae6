import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import type { NewPageVectors, PageVectors } from '../../src/index.ts';
import { newPageVectorsSchema, type pageVectorsSchema } from '../../src/zod.ts';

test('the schemas have the types of the repository', () => {
  expectTypeOf<z.infer<typeof newPageVectorsSchema>>().toExtend<NewPageVectors>();
  expectTypeOf<z.infer<typeof pageVectorsSchema>>().toEqualTypeOf<PageVectors>();
});

describe('newPageVectorsSchema', () => {
  test.each([
    { docId: 7, page: 3, vectorIds: ['a', 'b'] },
    { docId: 7, page: 3, vectorIds: [] },
    { docId: 7, page: 3, patches: 1030, grid: { cols: 32, rows: 32, start: 4 }, pending: true },
    { docId: 7, page: 3, patches: 0 },
    { docId: 2 ** 31 - 1, page: 2 ** 31 - 1, vectorIds: [7, 'x'], grid: null },
    { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 1, rows: 1, start: 0 } },
    { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 32, rows: 32, start: 0 } },
    {
      docId: 1,
      page: 1,
      vectorIds: ['a'],
      grid: {
        ...{ cols: 24, rows: 32, start: 5, tile: { cols: 8, rows: 8 } },
        ...{ rowStride: 8, tileStride: 66, tileRowGap: 1 },
      },
    },
  ])('accepts %j', (page) => {
    expect(newPageVectorsSchema.parse(page)).toEqual(page);
  });

  test.each([
    ['docId', { docId: 0, page: 3, vectorIds: [] }],
    ['docId', { docId: 2 ** 31, page: 3, vectorIds: [] }],
    ['docId', { page: 3, vectorIds: [] }],
    ['page', { docId: 1, page: 1.5, vectorIds: [] }],
    ['page', { docId: 1, page: -1, vectorIds: [] }],
    ['vectorIds', { docId: 1, page: 1 }],
    ['vectorIds', { docId: 1, page: 1, vectorIds: null, patches: 1 }],
    ['patches', { docId: 1, page: 1, vectorIds: [], patches: 0 }],
    ['patches', { docId: 1, page: 1, patches: -1 }],
    ['patches', { docId: 1, page: 1, patches: 100_001 }],
    ['grid', { docId: 1, page: 1, patches: 2, grid: { cols: 3, rows: 1, start: 0 } }],
    ['vectorIds.1', { docId: 1, page: 1, vectorIds: ['a', ''] }],
    ['vectorIds.0', { docId: 1, page: 1, vectorIds: ['a\0'] }],
    ['vectorIds.0', { docId: 1, page: 1, vectorIds: ['\ud800'] }],
    ['vectorIds.0', { docId: 1, page: 1, vectorIds: [2 ** 53] }],
    ['grid.cols', { docId: 1, page: 1, vectorIds: [], grid: { cols: 0, rows: 1, start: 0 } }],
    ['grid', { docId: 1, page: 1, vectorIds: ['a', 'b'], grid: { cols: 3, rows: 1, start: 0 } }],
    [
      'grid',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 1, rows: 1, start: 0, stride: 2 } },
    ],
    [
      'grid.rowStride',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 3, rows: 1, start: 0, rowStride: 2 } },
    ],
  ])('rejects the field %s of %j', (path, page) => {
    const issues = newPageVectorsSchema.safeParse(page).error?.issues;
    expect(issues?.[0]?.path.join('.')).toBe(path);
  });
});
