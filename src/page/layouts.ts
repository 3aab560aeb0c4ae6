/** Computes the grids of the layouts in models.ts. */
import { InvalidInputError } from '../errors.ts';
import type { PatchGrid } from './grid.ts';
import type { Layout } from './models.ts';

/** The size of a page's image in pixels, as the encoder got it. */
export interface PageSize {
  width: number;
  height: number;
}

/** Where the patches are among the vectors of the image. */
export interface ImageVectors {
  /** The grid; its `start` counts from the first vector of the image. */
  grid: PatchGrid;
  /** The least number of vectors of the image that follow the last patch. */
  trailing: number;
}

/**
 * Lays out a page.
 *
 * @param imageOnly - Whether only the vectors of image tokens are kept, without the markers between them.
 */
export function layOut(layout: Layout, page: PageSize, imageOnly: boolean): ImageVectors {
  switch (layout.kind) {
    case 'fixed':
      return { grid: { cols: layout.cols, rows: layout.rows, start: 0 }, trailing: 0 };
    case 'pixelBudget':
      return { grid: { ...fitPixelBudget(layout, page), start: 0 }, trailing: 0 };
    case 'rowBreaks': {
      const { cols, rows } = fitLongestEdge(layout, page);
      if (imageOnly) return { grid: { cols, rows, start: 0 }, trailing: 0 };
      return { grid: { cols, rows, start: 0, rowStride: cols + 1 }, trailing: 1 };
    }
    case 'split':
      return layOutSplit(layout, page, imageOnly);
    case 'bestTiles': {
      const { across, down } = bestTiles(layout, page);
      const { tile, thumbnail } = layout;
      const isTiled = across * down > 1;
      return {
        grid: {
          ...{ cols: across * tile, rows: down * tile, start: 0 },
          ...(isTiled ? { tile: { cols: tile, rows: tile } } : {}),
        },
        trailing: thumbnail && isTiled ? tile * tile : 0,
      };
    }
  }
}

/** Idefics3: each tile has two markers before it, and each row of tiles has a newline after it. */
function layOutSplit(
  { longestEdge, tileSize, tile }: Extract<Layout, { kind: 'split' }>,
  page: PageSize,
  imageOnly: boolean,
): ImageVectors {
  const { width, height } = setLongestEdge(longestEdge, page);
  // Rounds the longest edge up to whole tiles first. The other edge is computed from the rounded length.
  const edge = Math.ceil(Math.max(width, height) / tileSize) * tileSize;
  const other = Math.trunc(width >= height ? edge / (width / height) : edge * (width / height));
  const long = edge / tileSize;
  const short = Math.ceil(Math.max(other, 1) / tileSize);
  const [across, down] = width >= height ? [long, short] : [short, long];
  const vectors = tile * tile;
  const markers = imageOnly ? 0 : 2;
  if (across * down === 1) {
    const grid = { cols: tile, rows: tile, start: markers };
    return { grid, trailing: imageOnly ? 0 : 1 };
  }
  return {
    grid: {
      ...{ cols: across * tile, rows: down * tile, start: markers },
      tile: { cols: tile, rows: tile },
      ...(imageOnly ? {} : { tileStride: vectors + markers, tileRowGap: 1 }),
    },
    // After the tiles come a newline, two markers, the whole page, and a marker.
    trailing: imageOnly ? vectors : 1 + markers + vectors + 1,
  };
}

/** Sets the longest edge and makes the other one an even number of pixels, as Idefics3 does. */
function setLongestEdge(longestEdge: number, { width, height }: PageSize): PageSize {
  const ratio = width / height;
  const even = (length: number) => Math.max(length + (length % 2), 1);
  return width >= height
    ? { width: longestEdge, height: even(Math.trunc(longestEdge / ratio)) }
    : { width: even(Math.trunc(longestEdge * ratio)), height: longestEdge };
}

/** `smart_resize` of Qwen2-VL: both edges a multiple of the factor, the area within the budget. */
function fitPixelBudget(
  layout: Extract<Layout, { kind: 'pixelBudget' }>,
  { width, height }: PageSize,
): { cols: number; rows: number } {
  const { patchSize, mergeSize, minPixels, maxPixels } = layout;
  if (Math.max(width, height) / Math.min(width, height) > 200) {
    throw new InvalidInputError(
      ['page'],
      'must not have an edge that is more than 200 times as long as the other',
    );
  }
  const factor = patchSize * mergeSize;
  const cols = roundHalfToEven(width / factor);
  const rows = roundHalfToEven(height / factor);
  const pixels = cols * rows * factor * factor;
  if (pixels > maxPixels) {
    const shrink = Math.sqrt((width * height) / maxPixels);
    const shrunk = (edge: number) => Math.max(1, Math.floor(edge / shrink / factor));
    return { cols: shrunk(width), rows: shrunk(height) };
  }
  if (pixels < minPixels) {
    const grow = Math.sqrt(minPixels / (width * height));
    const grown = (edge: number) => Math.ceil((edge * grow) / factor);
    return { cols: grown(width), rows: grown(height) };
  }
  return { cols, rows };
}

/** Pixtral: shrinks the page until both edges are within the limit, then rounds up to whole patches. */
function fitLongestEdge(
  { patchSize, mergeSize, longestEdge }: Extract<Layout, { kind: 'rowBreaks' }>,
  { width, height }: PageSize,
): { cols: number; rows: number } {
  const ratio = Math.max(height / longestEdge, width / longestEdge, 1);
  const patches = (edge: number) =>
    Math.floor((Math.floor(edge / ratio) - 1) / (patchSize * mergeSize)) + 1;
  return { cols: Math.max(1, patches(width)), rows: Math.max(1, patches(height)) };
}

/** NVIDIA's choice of tiles: close to the page's shape, and with at least 0.6 of its area. */
function bestTiles(
  { tileSize, maxTiles }: Extract<Layout, { kind: 'bestTiles' }>,
  { width, height }: PageSize,
): { across: number; down: number } {
  const ratio = width / height;
  let best = { across: 1, down: 1 };
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let count = 1; count <= maxTiles; count += 1) {
    for (let across = 1; across <= count; across += 1) {
      if (count % across !== 0) continue;
      const down = count / across;
      const tilesRatio = across / down;
      const area = Math.min((count * tileSize * tileSize) / (width * height), 0.6);
      const score = area * Math.min(tilesRatio / ratio, ratio / tilesRatio);
      if (score > bestScore) {
        best = { across, down };
        bestScore = score;
      }
    }
  }
  return best;
}

/** Rounds like Python's `round`: a half goes to the even neighbour. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
