import { InvalidInputError } from '../errors.ts';
import {
  integer,
  requireArray,
  requireBoolean,
  requireInteger,
  requireObject,
  requireOptions,
} from '../require.ts';
import { familyOf } from './find-model.ts';
import { checkGrid, type PatchGrid, vectorsNeeded } from './grid.ts';
import { type ImageVectors, layOut, type PageSize } from './layouts.ts';
import type { Layout, ModelFamily } from './models.ts';

/** How the server that runs the model differs from the model's own library. */
export interface GridOptions {
  /** The position of the first patch among the vectors that the server returns, from 0. */
  start?: number | undefined;
  /**
   * Whether the server returns the vectors of image tokens only, without the prompt and without markers in the image.
   * {@defaultValue false}
   */
  imageOnly?: boolean | undefined;
  /** How many vectors the server returned for the page. A number that does not fit the grid is an error. */
  vectors?: number | undefined;
  /** The smallest and the largest number of pixels after resizing: `min_pixels` and `max_pixels` of Qwen models. */
  minPixels?: number | undefined;
  maxPixels?: number | undefined;
  /** The longest edge in pixels after resizing, for models that limit it. */
  longestEdge?: number | undefined;
  /** The most tiles of a page. This and the next two are for NVIDIA's Llama models. */
  maxTiles?: number | undefined;
  /** The size of a tile in pixels. */
  tileSize?: number | undefined;
  /** Whether a thumbnail of the page follows the tiles. */
  thumbnail?: boolean | undefined;
}

const optionChecks = {
  start: integer({ min: 0 }),
  imageOnly: requireBoolean,
  vectors: integer({ min: 0 }),
  minPixels: integer({ min: 1 }),
  maxPixels: integer({ min: 1 }),
  longestEdge: integer({ min: 1 }),
  maxTiles: integer({ min: 1, max: 100 }),
  tileSize: integer({ min: 1 }),
  thumbnail: requireBoolean,
};

/** The options that replace the number of the same name in a layout. */
const layoutOptions = [
  ...(['minPixels', 'maxPixels', 'longestEdge'] as const),
  ...(['maxTiles', 'tileSize', 'thumbnail'] as const),
];

/**
 * Computes the grid of a page. Prefer `gridFromEncoder` if your server reports its grid.
 *
 * @param model - The name on the model hub, with or without the organisation.
 * @param page - The size in pixels of the image that was embedded. Another resolution gives another grid.
 * @returns Undefined if the layout is unknown, or if the model needs `start` or `imageOnly` and you gave neither.
 *   `explainModel` tells which of these reasons applies.
 * @throws {InvalidInputError} An argument is not valid, an option does not apply to the model, or `vectors` does not
 *   fit the grid.
 * @example
 * gridOf('vidore/colqwen2.5-v0.2', { width: 1654, height: 2339 }, { vectors: 747 });
 * // { cols: 23, rows: 32, start: 4 }
 */
export function gridOf(
  model: string,
  page: PageSize,
  options: GridOptions = {},
): PatchGrid | undefined {
  const placed = placeImage(model, page, options);
  if (placed === undefined) return undefined;
  const { grid, least, exact } = placed;
  const { vectors } = options;
  if (vectors === undefined) return grid;
  const fits = exact === undefined ? vectors >= least : exact.includes(vectors);
  if (fits) return grid;
  const expected = exact === undefined ? `at least ${least}` : exact.join(' or ');
  throw new InvalidInputError(
    ['options', 'vectors'],
    `must be ${expected} for a grid of ${grid.cols} x ${grid.rows}, got ${vectors}`,
  );
}

/**
 * Computes how many vectors a model returns for a page: one number, or two if libraries disagree.
 *
 * @returns Undefined if `gridOf` returns undefined, or if the number of vectors after the image is unknown.
 * @throws {InvalidInputError} As `gridOf`.
 */
export function vectorCounts(
  model: string,
  page: PageSize,
  options: Omit<GridOptions, 'vectors'> = {},
): number[] | undefined {
  return placeImage(model, page, options)?.exact;
}

/** Computes the grid, the least number of vectors of the page, and the possible numbers if they are known. */
function placeImage(model: string, page: PageSize, options: GridOptions) {
  requirePageSize(page);
  requireOptions(options, optionChecks);
  const family = familyOf(model);
  if (family === undefined) return undefined;
  const imageOnly = options.imageOnly ?? false;
  const image = layOut(withOptions(family, options), page, imageOnly);
  const start = options.start ?? startOf(family, image, imageOnly);
  if (start === undefined) return undefined;
  const grid = checkGrid({ ...image.grid, start });
  const least = vectorsNeeded(grid) + image.trailing;
  return { grid, least, exact: countsOf(family, least, options) };
}

function startOf({ before }: ModelFamily, { grid }: ImageVectors, imageOnly: boolean) {
  if (imageOnly) return grid.start;
  return before === undefined ? undefined : before + grid.start;
}

function countsOf({ after }: ModelFamily, least: number, { start, imageOnly }: GridOptions) {
  if (start !== undefined) return undefined;
  if (imageOnly) return [least];
  return after?.map((vectors) => least + vectors);
}

/** The family's layout with the numbers of the options. */
function withOptions({ name, layout }: ModelFamily, options: GridOptions): Layout {
  const changed: Record<string, number | boolean> = {};
  for (const option of layoutOptions) {
    const value = options[option];
    if (value === undefined) continue;
    const applies = option in layout && !(layout.kind === 'split' && option === 'tileSize');
    if (!applies) throw new InvalidInputError(['options', option], `does not apply to ${name}`);
    changed[option] = value;
  }
  const result = { ...layout, ...changed } as Layout;
  if (result.kind === 'pixelBudget' && result.minPixels > result.maxPixels) {
    throw new InvalidInputError(
      ['options', options.maxPixels === undefined ? 'minPixels' : 'maxPixels'],
      `allows no size: the page must have ${result.minPixels} to ${result.maxPixels} pixels`,
    );
  }
  return result;
}

/** What an encoder reports about a page. */
export interface EncoderGrid {
  /** The row of `image_grid_thw` for the page: 1, then rows and columns of patches before they are merged. */
  imageGridThw: readonly number[];
  /** How many patches are merged in each direction: 2 for Qwen models (`merge_size`). */
  mergeSize: number;
  /** The position of the page's first patch among its vectors, from 0. */
  start: number;
  /** How many vectors the page has. A number that is too small is an error. */
  vectors?: number | undefined;
}

/**
 * Makes the grid of a page from what the encoder reports. This is exact, also if the server changes the model's
 * defaults.
 *
 * @throws {InvalidInputError} A value is not valid, the grid is not a multiple of `mergeSize`, or the page has too few
 *   vectors.
 * @example
 * gridFromEncoder({ imageGridThw: [1, 64, 46], mergeSize: 2, start: 4 }); // { cols: 23, rows: 32, start: 4 }
 */
export function gridFromEncoder(encoder: EncoderGrid): PatchGrid {
  requireObject(encoder, ['encoder']);
  const { imageGridThw, mergeSize, start, vectors } = encoder;
  requireArray(imageGridThw, ['encoder', 'imageGridThw']);
  requireInteger(mergeSize, ['encoder', 'mergeSize'], { min: 1 });
  requireInteger(start, ['encoder', 'start'], { min: 0 });
  if (imageGridThw.length !== 3) {
    throw new InvalidInputError(['encoder', 'imageGridThw'], 'must have 3 numbers');
  }
  const [frames, rows, cols] = imageGridThw.map((value, index) => {
    requireInteger(value, ['encoder', 'imageGridThw', index], { min: 1 });
    const isEdge = index > 0;
    if (isEdge && value % mergeSize !== 0) {
      throw new InvalidInputError(
        ['encoder', 'imageGridThw', index],
        `must be a multiple of mergeSize, ${mergeSize}`,
      );
    }
    return isEdge ? value / mergeSize : value;
  }) as [number, number, number];
  if (frames !== 1) {
    throw new InvalidInputError(['encoder', 'imageGridThw', 0], 'must be 1: a page is one image');
  }
  const grid = checkGrid({ cols, rows, start }, ['encoder', 'imageGridThw']);
  if (vectors !== undefined) {
    requireInteger(vectors, ['encoder', 'vectors'], { min: 0 });
    if (vectors < vectorsNeeded(grid)) {
      throw new InvalidInputError(
        ['encoder', 'vectors'],
        `must be at least ${vectorsNeeded(grid)} for a grid of ${cols} x ${rows}, got ${vectors}`,
      );
    }
  }
  return grid;
}

function requirePageSize(page: unknown): asserts page is PageSize {
  requireObject(page, ['page']);
  const { width, height } = page as Partial<PageSize>;
  requireInteger(width, ['page', 'width'], { min: 1 });
  requireInteger(height, ['page', 'height'], { min: 1 });
}
