/** Regions of a page: how relevant given regions are, and which regions stand out in a similarity map. */
import { InvalidInputError } from '../errors.ts';
import { integer, requireArray, requireNumber, requireOptions } from '../require.ts';
import { type Box, requireBox } from './boxes.ts';
import { requireMap, type SimilarityMap } from './similarity-map.ts';

/**
 * Scores regions of a page, such as paragraphs that a layout model or OCR found: the mean of the map's values, weighted
 * by the intersection over union of each patch with the region (arXiv 2512.02660). Patches whose value is unknown are
 * left out.
 *
 * @param boxes - In the unit of the page, 0 to 1.
 * @returns A score for each box, in the same order; 0 for a box that overlaps no known patch.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function relevanceOfRegions(map: SimilarityMap, boxes: readonly Box[]): number[] {
  requireMap(map);
  requireArray(boxes, ['boxes']);
  return boxes.map((box, index) => {
    requireBox(box, ['boxes', index]);
    return relevanceOf(map, box);
  });
}

function relevanceOf({ cols, rows, values }: SimilarityMap, box: Box): number {
  const patchArea = 1 / (cols * rows);
  const boxArea = (box.x1 - box.x0) * (box.y1 - box.y0);
  let weighted = 0;
  let weights = 0;
  for (let row = 0; row < rows; row += 1) {
    const height = overlap(box.y0, box.y1, row / rows, (row + 1) / rows);
    if (height === 0) continue;
    for (let col = 0; col < cols; col += 1) {
      const value = values[row * cols + col] as number;
      const shared = height * overlap(box.x0, box.x1, col / cols, (col + 1) / cols);
      if (shared === 0 || Number.isNaN(value)) continue;
      const iou = shared / (patchArea + boxArea - shared);
      weighted += iou * value;
      weights += iou;
    }
  }
  return weights === 0 ? 0 : weighted / weights;
}

function overlap(from: number, to: number, otherFrom: number, otherTo: number): number {
  return Math.max(0, Math.min(to, otherTo) - Math.max(from, otherFrom));
}

/** Patches that touch each other and whose values all reach the threshold. */
export interface Region {
  /** The box around them, in the unit of the page, 0 to 1. */
  box: Box;
  /** The number of patches. */
  patches: number;
  /** Their highest value. */
  score: number;
  /** The mean of their values. */
  mean: number;
}

/** What makes a region. */
export interface RegionOptions {
  /**
   * The least value that a patch of a region has.
   * {@defaultValue the mean of the map plus one standard deviation, but at most its highest value}
   */
  threshold?: number | undefined;
  /** Whether patches touch by their edges only (4), or by their corners too (8). {@defaultValue 8} */
  connectivity?: 4 | 8 | undefined;
  /** The least number of patches of a region. {@defaultValue 1} */
  minPatches?: number | undefined;
}

const regionOptions = {
  threshold: requireNumber,
  connectivity: requireConnectivity,
  minPatches: integer({ min: 1 }),
};

/**
 * Finds the regions of a map: patches at or above a threshold that touch each other.
 *
 * @returns The best region first. Empty if no value reaches the threshold, or if all values are unknown.
 * @throws {InvalidInputError} An argument is not valid.
 */
export function regionsOf(map: SimilarityMap, options: RegionOptions = {}): Region[] {
  requireMap(map);
  requireOptions(options, regionOptions);
  const { threshold = usualThreshold(map.values), connectivity = 8, minPatches = 1 } = options;
  const isSeen = new Uint8Array(map.values.length);
  const isNew = (at: number) => isSeen[at] === 0 && (map.values[at] as number) >= threshold;
  const regions: Region[] = [];
  for (let first = 0; first < map.values.length; first += 1) {
    if (!isNew(first)) continue;
    isSeen[first] = 1;
    const connected = [first];
    // The loop also visits the patches that it adds.
    for (const at of connected) {
      for (const next of neighbours(map, at, connectivity)) {
        if (!isNew(next)) continue;
        isSeen[next] = 1;
        connected.push(next);
      }
    }
    if (connected.length >= minPatches) regions.push(describeRegion(map, connected));
  }
  return regions.sort((a, b) => b.score - a.score || b.patches - a.patches);
}

function* neighbours({ cols, rows }: SimilarityMap, at: number, connectivity: 4 | 8) {
  const [row, col] = [Math.floor(at / cols), at % cols];
  for (let down = -1; down <= 1; down += 1) {
    for (let right = -1; right <= 1; right += 1) {
      if (connectivity === 4 && down !== 0 && right !== 0) continue;
      const [nextRow, nextCol] = [row + down, col + right];
      const isOnPage = nextRow >= 0 && nextRow < rows && nextCol >= 0 && nextCol < cols;
      if (isOnPage) yield nextRow * cols + nextCol;
    }
  }
}

function describeRegion({ cols, rows, values }: SimilarityMap, connected: number[]): Region {
  let [x0, y0, x1, y1] = [cols, rows, 0, 0];
  let score = Number.NEGATIVE_INFINITY;
  let sum = 0;
  for (const at of connected) {
    const [row, col] = [Math.floor(at / cols), at % cols];
    x0 = Math.min(x0, col);
    y0 = Math.min(y0, row);
    x1 = Math.max(x1, col + 1);
    y1 = Math.max(y1, row + 1);
    score = Math.max(score, values[at] as number);
    sum += values[at] as number;
  }
  const box = { x0: x0 / cols, y0: y0 / rows, x1: x1 / cols, y1: y1 / rows };
  return { box, patches: connected.length, score, mean: sum / connected.length };
}

function usualThreshold(values: Float32Array): number {
  const known = values.filter((value) => !Number.isNaN(value));
  const mean = known.reduce((sum, value) => sum + value, 0) / known.length;
  const variance = known.reduce((sum, value) => sum + (value - mean) ** 2, 0) / known.length;
  const highest = known.reduce((max, value) => Math.max(max, value), Number.NEGATIVE_INFINITY);
  return Math.min(mean + Math.sqrt(variance), highest);
}

function requireConnectivity(value: unknown, path: readonly (string | number)[]): void {
  if (value === 4 || value === 8) return;
  throw new InvalidInputError(path, 'must be 4 or 8');
}
