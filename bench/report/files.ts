import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type GrowthResult,
  growthResultSchema,
  type RunResult,
  runResultSchema,
} from '../result.ts';

const folder = new URL('../results/', import.meta.url);

/** @param name - Git ignores files that begin with `trial-`. */
export function writeResult(
  name: 'run.json' | 'growth.json' | 'trial-run.json' | 'trial-growth.json',
  result: RunResult | GrowthResult,
): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), `${JSON.stringify(result, null, 2)}\n`);
}

/** @throws {z.ZodError} If the file does not match the schema. */
export function readRun(): RunResult {
  return runResultSchema.parse(readJson('run.json'));
}

/** @throws {z.ZodError} If the file does not match the schema. */
export function readGrowth(): GrowthResult {
  return growthResultSchema.parse(readJson('growth.json'));
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}
