/** Boxes on a page, and the patches in them. */
import { type InputPath, InvalidInputError } from '../errors.ts';
import { describe, requireInteger, requireNumber, requireObject } from '../require.ts';
import { checkGrid, type PatchGrid, placeOf, vectorAt } from './grid.ts';

/**
 * A rectangle on a page, from the top left corner (x0, y0) to the bottom right corner (x1, y1). The unit is the page: 0
 * is its left or upper edge and 1 its right or lower edge. Functions that take a `size` use the unit of that size.
 */
export interface Box {
  x0: number;
  y0: number;
  x1: number;
  y1: number;
}

/** The size of a page in any unit: the pixels of an image, the points of a PDF. */
export interface Size {
  width: number;
  height: number;
}

const unit: Size = { width: 1, height: 1 };

/**
 * Finds the part of the page that a patch covers.
 *
 * @param patch - The vector's position among the page's vectors, from 0.
 * @param size - The size of the page. The box is in its unit, for example pixels. {@defaultValue 1 x 1}
 * @returns Undefined if the vector is not a patch: a vector of the prompt, or a marker.
 * @throws {InvalidInputError} An argument is not valid.
 * @example
 * patchBox({ cols: 23, rows: 32, start: 4 }, 4 + 23, { width: 1654, height: 2339 }); // the first patch of the second row
 */
export function patchBox(grid: PatchGrid, patch: number, size: Size = unit): Box | undefined {
  const checked = checkGrid(grid);
  requireInteger(patch, ['patch'], { min: 0 });
  requireSize(size);
  return boxOf(checked, patch, size);
}

/** `patchBox` of checked arguments. */
export function boxOf(grid: PatchGrid, patch: number, size: Size = unit): Box | undefined {
  const place = placeOf(grid, patch);
  if (place === undefined) return undefined;
  const { row, col } = place;
  const { cols, rows } = grid;
  return {
    x0: (col / cols) * size.width,
    y0: (row / rows) * size.height,
    x1: ((col + 1) / cols) * size.width,
    y1: ((row + 1) / rows) * size.height,
  };
}

/**
 * Finds the patches that overlap a box. A box without area, such as a point, gives the patches that contain it.
 *
 * @param size - The size of the page. The box is in its unit, for example pixels. {@defaultValue 1 x 1}
 * @returns The positions of their vectors among the page's vectors, in ascending order. Empty if the box lies outside
 *   the page.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function patchesInBox(grid: PatchGrid, box: Box, size: Size = unit): number[] {
  const checked = checkGrid(grid);
  requireBox(box, ['box']);
  requireSize(size);
  const [firstCol, lastCol] = cellsBetween(box.x0 / size.width, box.x1 / size.width, checked.cols);
  const [firstRow, lastRow] = cellsBetween(
    box.y0 / size.height,
    box.y1 / size.height,
    checked.rows,
  );
  const patches: number[] = [];
  for (let row = firstRow; row <= lastRow; row += 1) {
    for (let col = firstCol; col <= lastCol; col += 1) {
      patches.push(vectorAt(checked, { row, col }));
    }
  }
  return patches.sort((a, b) => a - b);
}

/**
 * Divides the page into `count` equal cells and returns the first and the last that the range overlaps. If it overlaps
 * none, last is less than first.
 */
function cellsBetween(from: number, to: number, count: number): [first: number, last: number] {
  // A box that only touches the edge of a cell does not overlap it. Rounding must not change this: (1 / 49) * 49 is less
  // than 1.
  const tolerance = 1e-9;
  const first = Math.floor(from * count + tolerance);
  const last = Math.ceil(to * count - tolerance) - 1;
  const isOutside = from === to ? to < 0 || from > 1 : last < 0 || first >= count;
  if (isOutside) return [0, -1];
  const onGrid = (cell: number) => Math.min(Math.max(cell, 0), count - 1);
  return [onGrid(first), onGrid(Math.max(first, last))];
}

/**
 * Formats a box as CSS for an element that lies over the page's image with `position: absolute`.
 *
 * @param box - In the unit of the page, 0 to 1.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function cssBox(box: Box): Record<'left' | 'top' | 'width' | 'height', string> {
  requireBox(box, ['box']);
  return {
    left: percent(box.x0),
    top: percent(box.y0),
    width: percent(box.x1 - box.x0),
    height: percent(box.y1 - box.y0),
  };
}

/** Rounds to 6 decimals, much less than a pixel. */
function percent(share: number): string {
  return `${Number((share * 100).toFixed(6))}%`;
}

/** A page of a PDF. */
export interface PdfPage extends Size {
  /** The rotation of the page, clockwise (`/Rotate`). {@defaultValue 0} */
  rotation?: 0 | 90 | 180 | 270 | undefined;
  /** The lower left corner of the page's box, if it is not 0, 0. */
  x?: number | undefined;
  y?: number | undefined;
}

/**
 * Converts a box to the coordinates of a PDF page: points, from the bottom left of the page before it is rotated.
 *
 * @param box - On the page as it is displayed, in the unit of the page, 0 to 1.
 * @param page - The size of the page's box in points before rotation: the crop box, or what your renderer draws.
 * @returns `x0` and `y0` are the lower left corner, `x1` and `y1` the upper right one.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function pdfBox(box: Box, page: PdfPage): Box {
  requireBox(box, ['box']);
  requireSize(page, ['page']);
  const { width, height, rotation = 0, x = 0, y = 0 } = page;
  requireNumber(x, ['page', 'x']);
  requireNumber(y, ['page', 'y']);
  const { x0, y0, x1, y1 } = box;
  switch (rotation) {
    case 0:
      return placed({ x0, y0: 1 - y1, x1, y1: 1 - y0 });
    case 90:
      return placed({ x0: y0, y0: x0, x1: y1, y1: x1 });
    case 180:
      return placed({ x0: 1 - x1, y0, x1: 1 - x0, y1 });
    case 270:
      return placed({ x0: 1 - y1, y0: 1 - x1, x1: 1 - y0, y1: 1 - x0 });
    default:
      throw new InvalidInputError(['page', 'rotation'], 'must be 0, 90, 180 or 270');
  }

  function placed(share: Box): Box {
    return {
      x0: x + share.x0 * width,
      y0: y + share.y0 * height,
      x1: x + share.x1 * width,
      y1: y + share.y1 * height,
    };
  }
}

/** @throws {InvalidInputError} */
export function requireBox(value: unknown, path: InputPath): asserts value is Box {
  requireObject(value, path);
  const { x0, y0, x1, y1 } = value as Partial<Box>;
  for (const [name, edge] of Object.entries({ x0, y0, x1, y1 }))
    requireNumber(edge, [...path, name]);
  if ((x1 as number) < (x0 as number)) throw new InvalidInputError(path, 'has x1 before x0');
  if ((y1 as number) < (y0 as number)) throw new InvalidInputError(path, 'has y1 before y0');
}

/** @throws {InvalidInputError} */
export function requireSize(value: unknown, path: InputPath = ['size']): asserts value is Size {
  requireObject(value, path);
  const { width, height } = value as Partial<Size>;
  for (const [name, length] of Object.entries({ width, height })) {
    if (typeof length === 'number' && Number.isFinite(length) && length > 0) continue;
    throw new InvalidInputError(
      [...path, name],
      `must be a positive number, got ${describe(length)}`,
    );
  }
}
