/**
 * Grids of pooled vectors. The mean of a row or a column covers one part of the page. Other pooled vectors, such as
 * those of hierarchical clustering, cover patches all over the page and have no grid.
 */
import { requireInteger } from '../require.ts';
import { checkGrid, type PatchGrid } from './grid.ts';

/**
 * Returns the grid of vectors that were pooled by row. Each vector is the mean of one row of `grid`, from top to bottom.
 *
 * @param start - The position of the first mean among the page's vectors, from 0.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function rowMeans(grid: PatchGrid, start = 0): PatchGrid {
  requireInteger(start, ['start'], { min: 0 });
  return { cols: 1, rows: checkGrid(grid).rows, start };
}

/**
 * Returns the grid of vectors that were pooled by column. Each vector is the mean of one column of `grid`, from left to
 * right.
 *
 * @param start - The position of the first mean among the page's vectors, from 0.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function columnMeans(grid: PatchGrid, start = 0): PatchGrid {
  requireInteger(start, ['start'], { min: 0 });
  return { cols: checkGrid(grid).cols, rows: 1, start };
}
