import { bigint, integer, pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { describe, expect, expectTypeOf, test } from 'vitest';
import type { z } from 'zod';
import { defineLedger, type NewPageVectors, type PageVectors } from '../../src/index.ts';
import { createPageSchemas, newPageVectorsSchema, type pageVectorsSchema } from '../../src/zod.ts';

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

describe('createPageSchemas', () => {
  const host = pgTable('host', {
    uuid: uuid().notNull(),
    text: text().notNull(),
    safe: bigint({ mode: 'number' }).notNull(),
    big: bigint({ mode: 'bigint' }).notNull(),
    integer: integer().notNull(),
  });
  const id = '1b4e28ba-2fa1-4d1e-883f-0016d3cca427';

  test.each([
    ['uuid', id, id],
    ['text', 'reports/7', 'reports/7'],
    ['safe', -(2 ** 53 - 1), -(2 ** 53 - 1)],
    ['big', '9223372036854775807', 2n ** 63n - 1n],
    ['big', 7, 7n],
    ['big', 7n, 7n],
    ['integer', 7, 7],
  ] as const)('a ledger with the key %s accepts the document id %o', (column, docId, parsed) => {
    const schemas = createPageSchemas(defineLedger({ documents: host[column] }));
    const page = { docId, page: 1, patches: 3, grid: null };
    expect(schemas.newPageVectorsSchema.parse(page)).toEqual({ ...page, docId: parsed });
  });

  test.each([
    ['uuid', id.toUpperCase()],
    ['uuid', 7],
    ['text', ''],
    ['text', 'a\0'],
    ['safe', 2 ** 53],
    ['safe', '7'],
    ['big', '9223372036854775808'],
    ['big', '7.5'],
    ['integer', 0],
    ['integer', id],
  ] as const)('a ledger with the key %s rejects the document id %o', (column, docId) => {
    const { newPageVectorsSchema, pageVectorsSchema } = createPageSchemas(
      defineLedger({ documents: host[column] }),
    );
    for (const schema of [newPageVectorsSchema, pageVectorsSchema]) {
      const issues = schema.safeParse({ docId, page: 1, patches: 3 }).error?.issues;
      expect(issues?.map(({ path }) => path.join('.'))).toContain('docId');
    }
  });

  test('checks the other fields of a page too', () => {
    const { newPageVectorsSchema } = createPageSchemas(defineLedger({ documents: host.text }));
    const grid = { cols: 3, rows: 1, start: 0 };
    const { error } = newPageVectorsSchema.safeParse({ docId: 'a', page: 1, patches: 2, grid });
    expect(error?.issues).toMatchObject([{ path: ['grid'] }]);
  });

  test('the schemas have the types of the ledger', () => {
    const schemas = createPageSchemas(defineLedger({ documents: host.uuid }));
    type NewPage = z.infer<typeof schemas.newPageVectorsSchema>;
    expectTypeOf<NewPage>().toExtend<NewPageVectors<string>>();
    expectTypeOf<NewPage>().not.toExtend<NewPageVectors<number>>();
    expectTypeOf(schemas.pageVectorsSchema.parse).returns.toEqualTypeOf<PageVectors<string>>();
  });
});
