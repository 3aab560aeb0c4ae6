import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { LedgerKind } from '../cases/growing.ts';
import {
  type Environment,
  type GrowthResult,
  growthResultSchema,
  type RunResult,
  runResultSchema,
  type ShapesResult,
  shapesResultSchema,
} from '../result.ts';

const folder = new URL('../results/', import.meta.url);

/** The file of a run: `postgresql-15.json`, `pglite.json`. Git ignores files that begin with `trial-`. */
export function runFile(
  backend: 'server' | 'pglite',
  { postgresql }: Environment,
  isTrial: boolean,
): string {
  const name = backend === 'pglite' ? 'pglite' : `postgresql-${Number.parseInt(postgresql, 10)}`;
  return `${isTrial ? 'trial-' : ''}${name}.json`;
}

export function growthFile(kind: LedgerKind, isTrial = false): string {
  return `${isTrial ? 'trial-' : ''}growth${kind === 'mixture' ? '-mixture' : ''}.json`;
}

export function shapesFile(isTrial = false): string {
  return `${isTrial ? 'trial-' : ''}shapes.json`;
}

export function writeResult(name: string, result: RunResult | GrowthResult | ShapesResult): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL(name, folder), `${JSON.stringify(result, null, 2)}\n`);
}

/**
 * The runs on servers, by version, and the run on PGlite.
 *
 * @throws {z.ZodError} If a file does not match the schema.
 */
export function readRuns(): { servers: RunResult[]; pglite: RunResult | undefined } {
  const servers = readdirSync(folder)
    .filter((name) => /^postgresql-\d+\.json$/.test(name))
    .sort();
  return {
    servers: servers.map(readRun),
    pglite: existsSync(new URL('pglite.json', folder)) ? readRun('pglite.json') : undefined,
  };
}

function readRun(name: string): RunResult {
  return runResultSchema.parse(readJson(name));
}

/** @throws {z.ZodError} If the file does not match the schema. */
export function readGrowth(kind: LedgerKind): GrowthResult {
  return growthResultSchema.parse(readJson(growthFile(kind)));
}

/** @throws {z.ZodError} If the file does not match the schema. */
export function readShapes(): ShapesResult {
  return shapesResultSchema.parse(readJson(shapesFile()));
}

function readJson(name: string): unknown {
  return JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
}
