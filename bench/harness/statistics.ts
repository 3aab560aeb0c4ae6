import type { Summary } from '../result.ts';

export function summarize(samples: readonly number[]): Summary {
  const sorted = Float64Array.from(samples).sort();
  return {
    median: quantile(sorted, 0.5),
    p10: quantile(sorted, 0.1),
    p90: quantile(sorted, 0.9),
    p99: quantile(sorted, 0.99),
    samples: sorted.length,
  };
}

export function median(samples: readonly number[]): number {
  return quantile(Float64Array.from(samples).sort(), 0.5);
}

/** The value below which `share` of the samples are, interpolated between neighbors. */
function quantile(sorted: Float64Array, share: number): number {
  const position = (sorted.length - 1) * share;
  const below = Math.floor(position);
  const lower = sorted[below];
  if (lower === undefined) throw new Error('cannot summarize an empty list of samples');
  const upper = sorted[below + 1] ?? lower;
  return lower + (upper - lower) * (position - below);
}
