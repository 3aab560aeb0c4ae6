/** What a run leaves as JSON; the schemas say its shape to whoever reads it. */
import { z } from 'zod';

const environment = z.strictObject({
  date: z.iso.date(),
  cpu: z.string(),
  cores: z.int().positive(),
  memoryGiB: z.int().nonnegative(),
  system: z.string(),
  node: z.string(),
  postgresql: z.string(),
  settings: z.record(z.string(), z.string()),
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
   * How many times worse than the package it is: the median of the rounds, the best and the worst of
   * them. Above 1 the package is ahead. The package itself has 1. Null where the package was left out.
   */
  timesOurs: z.strictObject({ median: z.number(), min: z.number(), max: z.number() }).nullable(),
  /** Pages that one execution writes, reads, deletes or stores. */
  pages: z.int().nonnegative(),
});

const caseResult = z.strictObject({
  id: z.string(),
  title: z.string(),
  place: z.enum(['server', 'pglite']),
  unit: z.enum(['ms', 'pages/s', 'bytes/page']),
  /** Ids that every contender was asked for before the timing, and gave alike. */
  checkedIds: z.int().nonnegative(),
  results: z.array(contenderResult),
  leftOut: z.array(leftOut),
});

export const runResultSchema = z.strictObject({
  environment,
  sizes: z.record(z.string(), z.int()),
  /** Contenders that could not be loaded here, and why. */
  missing: z.array(leftOut),
  cases: z.array(caseResult),
});

export type ContenderResult = z.infer<typeof contenderResult>;
export type CaseResult = z.infer<typeof caseResult>;
export type RunResult = z.infer<typeof runResultSchema>;

const growthPoint = z.strictObject({
  pages: z.int().positive(),
  operation: z.enum(['findByPage', 'locate', 'upsertPage']),
  /** Connections that called at once. */
  connections: z.int().positive(),
  /** Milliseconds a call. */
  ms: summary,
  callsASecond: z.number().positive(),
});

export const growthResultSchema = z.strictObject({
  environment,
  sizes: z.record(z.string(), z.int()),
  points: z.array(growthPoint),
  /** What each ledger took on disk at the end. */
  bytes: z.array(
    z.strictObject({ pages: z.int(), table: z.number().int(), indexes: z.number().int() }),
  ),
});

export type GrowthResult = z.infer<typeof growthResultSchema>;
export type GrowthOperation = GrowthResult['points'][number]['operation'];
