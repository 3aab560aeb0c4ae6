import { describe, expect, test } from 'vitest';
import { createVectorRepository, type PatchGrid } from '../../../src/index.ts';
import { createDocument, execute, useTestDatabase } from '../../support/database.ts';

const db = useTestDatabase();

test.each<[string, string[], PatchGrid]>([
  ['one id for all vectors of the page', ['page'], { cols: 24, rows: 32, start: 4 }],
  ['rows with a vector after each', ['a', 'b', 'c'], { cols: 1, rows: 2, start: 0, rowStride: 2 }],
  [
    'tiles',
    ['page'],
    {
      ...{ cols: 24, rows: 32, start: 5, tile: { cols: 8, rows: 8 } },
      ...{ tileStride: 66, tileRowGap: 1 },
    },
  ],
])('a grid is read as it was recorded: %s', async (_, vectorIds, grid) => {
  const docId = await createDocument(db());
  const repository = createVectorRepository(db());
  await repository.upsertPage({ docId, page: 1, vectorIds, grid });
  expect((await repository.findByPage(docId, 1))?.grid).toEqual(grid);
});

describe('the database', () => {
  const record = async (grid: string) => {
    const docId = await createDocument(db());
    await execute(
      db(),
      `insert into vectors (doc_id, page, vector_ids, grid) values (${docId}, 1, '["a"]', '${grid}')`,
    );
  };

  test('accepts a grid with fields of a later version', async () => {
    await record('{"cols": 24, "rows": 32, "start": 4, "kept": [1, 2, 3]}');
  });

  test.each([
    'null',
    '[]',
    '"32x32"',
    '{}',
    '{"cols": 24, "rows": 32}',
    '{"cols": 0, "rows": 32, "start": 4}',
    '{"cols": 24, "rows": 1.5, "start": 4}',
    '{"cols": 24, "rows": 32, "start": -1}',
    '{"cols": "24", "rows": 32, "start": 4}',
    '{"cols": [24], "rows": 32, "start": 4}',
  ])('rejects the grid %s', async (grid) => {
    await expect(record(grid)).rejects.toHaveProperty('cause.code', '23514');
  });
});
