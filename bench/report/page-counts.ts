import type { GrowthResult } from '../result.ts';

/** The sizes of the ledgers in pages, in ascending order. */
export function pageCounts({ points }: GrowthResult): number[] {
  return [...new Set(points.map(({ pages }) => pages))].sort((a, b) => a - b);
}
