/** The schemas of the result files, and their types. */
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

const summary = z.strictObject({
  median: z.number().nonnegative(),
  p10: z.number().nonnegative(),
  p90: z.number().nonnegative(),
  p99: z.number().nonnegative(),
  samples: z.int().positive(),
});

const leftOut = z.strictObject({ contender: z.string(), why: z.string() });

/** One contender in one case. */
const contenderResult = z.strictObject({
  contender: z.string(),
  /** In the case's unit. */
  value: summary,
  /**
   * The time or space that the contender needs, divided by that of the package in the same round. Above 1 the package
   * is ahead. The package itself has 1. Null if the package was left out of the case.
   */
  ratio: z.strictObject({ median: z.number(), min: z.number(), max: z.number() }).nullable(),
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
export type Summary = z.infer<typeof summary>;
export type LeftOut = z.infer<typeof leftOut>;
export type ContenderResult = z.infer<typeof contenderResult>;
export type CaseResult = z.infer<typeof caseResult>;
export type RunResult = z.infer<typeof runResultSchema>;

const growthPoint = z.strictObject({
  pages: z.int().positive(),
  operation: z.enum(['findByPage', 'locate', 'upsertPage']),
  /** Connections that call at the same time. */
  connections: z.int().positive(),
  /** Milliseconds per call. */
  ms: summary,
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
