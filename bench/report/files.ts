import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  type GrowthResult,
  growthResultSchema,
  type RunResult,
  runResultSchema,
} from '../result.ts';

/** The results that are committed, and that the README's figures come from. */
const folder = new URL('../results/', import.meta.url);

/** @param name - Those that begin with `trial-` are not for git. */
export function writeResult(
  name: 'run.json' | 'growth.json' | 'trial-run.json' | 'trial-growth.json',
  result: RunResult | GrowthResult,
): void {
  writeText(name, `${JSON.stringify(result, null, 2)}\n`);
}

export function writeText(name: string, text: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), text);
}

/** @throws {z.ZodError} The file is not what a run of this version writes. */
export function readRun(): RunResult {
  return runResultSchema.parse(readJson('run.json'));
}

/** @throws {z.ZodError} */
export function readGrowth(): GrowthResult {
  return growthResultSchema.parse(readJson('growth.json'));
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}
