/** The results of cases, and the schemas of the result files, which have only their medians. */
import { z } from 'zod';

/** What the figures were measured on. */
const environment = z.strictObject({
  date: z.iso.date(),
  cpu: z.string(),
  cores: z.int().positive(),
  memoryGiB: z.int().nonnegative(),
  system: z.string(),
  node: z.string(),
  postgresql: z.string(),
  /** Server settings that the figures depend on. */
  settings: z.record(z.string(), z.string()),
  /** Versions of the packages measured. */
  packages: z.record(z.string(), z.string()),
});

const leftOut = z.strictObject({ contender: z.string(), why: z.string() });

/** One contender in one case. */
const contenderResult = z.strictObject({
  contender: z.string(),
  /** The median, in the case's unit. */
  value: z.number().nonnegative(),
  /**
   * The time or space that the contender needs, divided by that of the package in the same round: the median of the
   * rounds. Above 1 the package is ahead. The package itself has 1. Null if the package was left out of the case.
   */
  ratio: z.number().nullable(),
  /** Pages that one execution writes, reads, deletes, stores or searches. */
  pages: z.int().nonnegative(),
});

const caseResult = z.strictObject({
  id: z.string(),
  title: z.string(),
  backend: z.enum(['server', 'pglite']),
  unit: z.enum(['ms', 'pages/s', 'bytes/page']),
  /** Ids whose answers were compared before the timing; 0 if the case reads none. */
  checkedIds: z.int().nonnegative(),
  results: z.array(contenderResult),
  leftOut: z.array(leftOut),
});

export const runResultSchema = z.strictObject({
  environment,
  sizes: z.record(z.string(), z.int()),
  /** Contenders that could not be loaded, and why. */
  missing: z.array(leftOut),
  cases: z.array(caseResult),
});

export type Environment = z.infer<typeof environment>;
export type LeftOut = z.infer<typeof leftOut>;
export type RunResult = z.infer<typeof runResultSchema>;
/** A case as it is in a result file. */
export type CaseMedians = z.infer<typeof caseResult>;

export interface Summary {
  median: number;
  p10: number;
  p90: number;
  p99: number;
  samples: number;
}

/** One contender in one case, with the spread that a run prints. */
export interface ContenderResult {
  contender: string;
  /** In the case's unit. */
  value: Summary;
  ratio: { median: number; min: number; max: number } | null;
  pages: number;
}

export interface CaseResult extends Omit<CaseMedians, 'results'> {
  results: ContenderResult[];
}

/** A case for the result file. */
export function mediansOf({ results, ...head }: CaseResult): CaseMedians {
  return {
    ...head,
    results: results.map(({ contender, value, ratio, pages }) => ({
      contender,
      value: value.median,
      ratio: ratio === null ? null : ratio.median,
      pages,
    })),
  };
}

const growthPoint = z.strictObject({
  pages: z.int().positive(),
  operation: z.enum(['findByPage', 'locate', 'upsertPage']),
  /** Connections that call at the same time. */
  connections: z.int().positive(),
  /** Milliseconds per call. */
  ms: z.strictObject({ median: z.number().positive(), p99: z.number().positive() }),
  callsPerSecond: z.number().positive(),
});

export const growthResultSchema = z.strictObject({
  environment,
  sizes: z.record(z.string(), z.int()),
  points: z.array(growthPoint),
  /** The size of each ledger after the measurement. */
  bytes: z.array(
    z.strictObject({ pages: z.int(), table: z.number().int(), indexes: z.number().int() }),
  ),
});

export type GrowthResult = z.infer<typeof growthResultSchema>;
export type GrowthOperation = GrowthResult['points'][number]['operation'];

const shape = z.enum(['one table', 'partitions', 'Citus']);

export const shapesResultSchema = z.strictObject({
  environment,
  sizes: z.record(z.string(), z.int()),
  points: z.array(
    z.strictObject({
      pages: z.int().positive(),
      shape,
      operation: z.string(),
      /** The median, in milliseconds per call. */
      ms: z.number().positive(),
    }),
  ),
  /** The size of each ledger after the measurement. */
  bytes: z.array(
    z.strictObject({ pages: z.int(), shape, table: z.number().int(), indexes: z.number().int() }),
  ),
});

export type ShapesResult = z.infer<typeof shapesResultSchema>;
