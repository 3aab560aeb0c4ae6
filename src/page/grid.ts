/** The grid: how a page's vectors cover the page. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { maxVectorsPerPage } from '../ids/check-vector-ids.ts';
import { requireInteger, requireObject } from '../require.ts';

/**
 * How a page's vectors cover the page: vector `start + row * (rowStride ?? cols) + col` is the patch at
 * (row, col), row by row from the top left.
 *
 * Some models cut the page into tiles and embed one tile after the other. Then the patches of each tile
 * follow each other row by row. The tiles also follow each other row by row, from the top left.
 */
export interface PatchGrid {
  /** The number of patches from left to right, over the whole page. */
  cols: number;
  /** The number of patches from top to bottom, over the whole page. */
  rows: number;
  /** The position of the first patch among the page's vectors, from 0. */
  start: number;
  /**
   * The number of vectors from the start of a row to the start of the next, if other vectors follow each row.
   * {@defaultValue `cols`, or `tile.cols` with tiles}
   */
  rowStride?: number | undefined;
  /** The size of a tile in patches. `cols` and `rows` must be multiples of it. */
  tile?: { cols: number; rows: number } | undefined;
  /**
   * The number of vectors from the start of a tile to the start of the next, if other vectors lie between them.
   * {@defaultValue the number of vectors from the first patch of a tile to its last, both included}
   */
  tileStride?: number | undefined;
  /** The number of further vectors after each row of tiles, which `tileStride` does not count. {@defaultValue 0} */
  tileRowGap?: number | undefined;
}

/** A patch of a grid by its row and column, from 0 at the top left. */
export interface GridPlace {
  row: number;
  col: number;
}

const keys = ['cols', 'rows', 'start', 'rowStride', 'tile', 'tileStride', 'tileRowGap'];

/**
 * Checks a grid and returns a copy without undefined fields.
 *
 * @throws {InvalidInputError} The path names the field.
 */
export function checkGrid(value: unknown, path: InputPath = ['grid']): PatchGrid {
  requireObject(value, path);
  const unknown = Object.keys(value).find((key) => !keys.includes(key));
  if (unknown !== undefined) {
    // The field is misspelled or from a later version. Ignoring it would give wrong boxes.
    throw new InvalidInputError(path, `has an unknown field; expected ${keys.join(', ')}`);
  }
  const { cols, rows, start, rowStride, tile, tileStride, tileRowGap } =
    value as Partial<PatchGrid>;
  requireInteger(cols, [...path, 'cols'], { min: 1, max: maxVectorsPerPage });
  requireInteger(rows, [...path, 'rows'], { min: 1, max: maxVectorsPerPage });
  requireInteger(start, [...path, 'start'], { min: 0, max: maxVectorsPerPage });
  const grid: PatchGrid = { cols, rows, start };
  if (tile !== undefined) grid.tile = checkTile(tile, grid, [...path, 'tile']);
  const { cols: blockCols, rows: blockRows } = grid.tile ?? grid;
  if (rowStride !== undefined) {
    requireInteger(rowStride, [...path, 'rowStride'], { min: blockCols, max: maxVectorsPerPage });
    grid.rowStride = rowStride;
  }
  for (const [key, field] of Object.entries({ tileStride, tileRowGap })) {
    if (field !== undefined && tile === undefined) {
      throw new InvalidInputError([...path, key], 'needs tile, the size of a tile in patches');
    }
  }
  if (tileStride !== undefined) {
    const min = (blockRows - 1) * (rowStride ?? blockCols) + blockCols;
    requireInteger(tileStride, [...path, 'tileStride'], { min, max: maxVectorsPerPage });
    grid.tileStride = tileStride;
  }
  if (tileRowGap !== undefined) {
    requireInteger(tileRowGap, [...path, 'tileRowGap'], { min: 0, max: maxVectorsPerPage });
    grid.tileRowGap = tileRowGap;
  }
  if (vectorsNeeded(grid) > maxVectorsPerPage) {
    throw new InvalidInputError(
      path,
      `needs ${vectorsNeeded(grid)} vectors, but a page has at most ${maxVectorsPerPage}`,
    );
  }
  return grid;
}

/** Reads the grid of a row. Null if the row has none, or one that only a later version of this package can read. */
export function readableGrid(stored: unknown): PatchGrid | null {
  try {
    return checkGrid(stored);
  } catch {
    return null;
  }
}

function checkTile(tile: unknown, grid: PatchGrid, path: InputPath) {
  requireObject(tile, path);
  const { cols, rows } = tile as Partial<Record<'cols' | 'rows', number>>;
  requireInteger(cols, [...path, 'cols'], { min: 1, max: grid.cols });
  requireInteger(rows, [...path, 'rows'], { min: 1, max: grid.rows });
  if (grid.cols % cols !== 0) {
    throw new InvalidInputError([...path, 'cols'], `must divide the ${grid.cols} columns`);
  }
  if (grid.rows % rows !== 0) {
    throw new InvalidInputError([...path, 'rows'], `must divide the ${grid.rows} rows`);
  }
  return { cols, rows };
}

/**
 * Checks that a page with `idCount` ids can have the grid. A page with one id can have any grid: it is a multi-vector
 * point, whose vectors the ledger cannot count.
 *
 * @throws {InvalidInputError} The grid needs more vectors than the page has.
 */
export function requireGridFits(grid: PatchGrid, idCount: number, path: InputPath): void {
  const needed = vectorsNeeded(grid);
  if (idCount === 1 || needed <= idCount) return;
  throw new InvalidInputError(path, `needs ${needed} vectors, but the page has ${idCount}`);
}

/** The least number of vectors of a page with this grid: the position of its last patch, plus 1. */
export function vectorsNeeded(grid: PatchGrid): number {
  return vectorAt(grid, { row: grid.rows - 1, col: grid.cols - 1 }) + 1;
}

/** The position among the page's vectors, from 0, of the patch at a place of the grid. */
export function vectorAt(grid: PatchGrid, { row, col }: GridPlace): number {
  const { tile, rowStride, tileStride, tileRowGap } = strides(grid);
  const tileRow = Math.floor(row / tile.rows);
  const tileIndex = tileRow * (grid.cols / tile.cols) + Math.floor(col / tile.cols);
  return (
    grid.start +
    tileIndex * tileStride +
    tileRow * tileRowGap +
    (row % tile.rows) * rowStride +
    (col % tile.cols)
  );
}

/** The place of a vector on the grid. Undefined if the vector is not a patch: a vector of the prompt, for example. */
export function placeOf(grid: PatchGrid, vector: number): GridPlace | undefined {
  const { tile, rowStride, tileStride, tileRowGap } = strides(grid);
  const tilesAcross = grid.cols / tile.cols;
  const tileRowStride = tilesAcross * tileStride + tileRowGap;
  const tileRow = Math.floor((vector - grid.start) / tileRowStride);
  const inTileRow = vector - grid.start - tileRow * tileRowStride;
  const tileCol = Math.floor(inTileRow / tileStride);
  const inTile = inTileRow - tileCol * tileStride;
  const row = Math.floor(inTile / rowStride);
  const col = inTile - row * rowStride;
  const isPatch =
    tileRow >= 0 &&
    tileRow < grid.rows / tile.rows &&
    tileCol < tilesAcross &&
    row < tile.rows &&
    col < tile.cols;
  return isPatch ? { row: tileRow * tile.rows + row, col: tileCol * tile.cols + col } : undefined;
}

/** The optional fields with their defaults. A grid without tiles is one tile. */
function strides({ cols, rows, rowStride, tile, tileStride, tileRowGap }: PatchGrid) {
  const block = tile ?? { cols, rows };
  const stride = rowStride ?? block.cols;
  return {
    tile: block,
    rowStride: stride,
    tileStride: tileStride ?? (block.rows - 1) * stride + block.cols,
    tileRowGap: tileRowGap ?? 0,
  };
}
