import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, inject, test } from 'vitest';
import { drawPages, pageSize } from '../../examples/page-drawing.ts';
import type { Box } from '../../src/page/index.ts';
import { projectRoot } from '../support/drizzle-kit.ts';

/** The chart that answers the question of the examples, in pixels. */
const energyChart = drawPages()[2]?.figures.find(({ text }) => /^Energy/.test(text))?.box as Box;

/** Intersection over union. */
function overlap(a: Box, b: Box): number {
  const areaOf = ({ x0, y0, x1, y1 }: Box) => Math.max(0, x1 - x0) * Math.max(0, y1 - y0);
  const shared = areaOf({
    x0: Math.max(a.x0, b.x0),
    y0: Math.max(a.y0, b.y0),
    x1: Math.min(a.x1, b.x1),
    y1: Math.min(a.y1, b.y1),
  });
  return shared / (areaOf(a) + areaOf(b) - shared);
}

/** Runs an example and returns what it prints. An example throws if one of its results is wrong. */
function run(file: string, ...preloaded: string[]): { stdout: string; stderr: string } {
  const imports = ['tsx', ...preloaded].flatMap((module) => ['--import', module]);
  const { status, stdout, stderr } = spawnSync(process.execPath, [...imports, `examples/${file}`], {
    cwd: projectRoot,
    encoding: 'utf8',
    env: { ...process.env, EMPTY_PGLITE: inject('emptyPGlite') },
  });
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
}

/** Runs an example that has its database in memory. */
function runInMemory(file: string): { stdout: string; stderr: string } {
  return run(file, './test/support/copy-pglite.ts');
}

describe('npm run demo', () => {
  let stdout: string;
  let stderr: string;
  /** A directory that PGlite could not open. */
  const leftover = join(projectRoot, '.demo/database/from-an-earlier-run');
  beforeAll(() => {
    mkdirSync(leftover, { recursive: true });
    ({ stdout, stderr } = run('demo.ts'));
  }, 120_000);

  test('says on stderr that it is starting a database', () => {
    expect(stderr).toContain('Starting an embedded PostgreSQL');
  });

  test('traces the hit to the patch that answers the query', () => {
    expect(stdout).toContain('Annual report 2024, page 17, patch 555');
  });

  test('purges the vectors that no page uses and spares the others', () => {
    expect(stdout).toMatch(/ledger 49,110 {3}store 67,980 {3}queued for purge 19,570$/m);
    expect(stdout).toMatch(/deleted +18,870 vectors/);
    expect(stdout).toMatch(/spared +700 vectors/);
    expect(stdout).toMatch(/ledger 49,110 {3}store 49,110 {3}queued for purge {6}0$/m);
  });

  test('ends with a clean audit', () => {
    expect(stdout).toMatch(/missing +0 vectors/);
    expect(stdout).toMatch(/untracked +0 vectors/);
  });

  test('finds the part of the page that answers the question, and draws it', () => {
    expect(stdout).toContain('Sustainability report, page 3, score');
    const [, ...edges] = /part +x (\d+), y (\d+), (\d+) x (\d+) pixels/.exec(stdout) ?? [];
    const [x = 0, y = 0, width = 0, height = 0] = edges.map(Number);
    expect(overlap({ x0: x, y0: y, x1: x + width, y1: y + height }, energyChart)).toBeGreaterThan(
      0.8,
    );

    const report = readFileSync(join(projectRoot, '.demo/report.html'), 'utf8');
    expect(report.indexOf('Page 3: Environment')).toBeLessThan(report.indexOf('Page 1: Letter'));
    // The white and the red line of one box.
    const outlines = [...report.matchAll(/<rect x="(\S+)" y="(\S+)" \S+ \S+ fill="none"/g)];
    expect(outlines.map(([, ...corner]) => corner.map(Number).map(Math.round))).toEqual([
      [x, y],
      [x, y],
    ]);
  });

  test('fits on a screen of 80 columns and 40 rows', () => {
    const lines = stdout.split('\n');
    expect(lines.length).toBeLessThan(40);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('deletes what an earlier run has left', () => {
    expect(existsSync(leftover)).toBe(false);
  });
});

test('ids of patches in pgvector lead to the part of the page that answers the question', () => {
  const { page, box, vectorsInBox } = JSON.parse(runInMemory('pgvector-pages.ts').stdout);
  expect(page).toBe(3);
  const { width, height } = pageSize;
  const { x0, y0, x1, y1 } = box;
  const inPixels = { x0: x0 * width, y0: y0 * height, x1: x1 * width, y1: y1 * height };
  expect(overlap(inPixels, energyChart)).toBeGreaterThan(0.8);
  expect(vectorsInBox).toBeGreaterThan(100);
});

test('the audit is clean after every step of the pgvector example', () => {
  const { stdout } = runInMemory('pgvector.ts');
  expect(stdout.match(/audit {10}0 missing, 0 untracked/g)).toHaveLength(4);
});

test('pages are embedded again after a crash and beside writes, and nothing of the first collection is left', () => {
  const { stdout } = runInMemory('re-embed/main.ts');
  expect(stdout).toMatch(
    /crashes.*\n.*\n {2}colqwen {2}20 pages, 10 of them pending, 126 vectors\n/,
  );
  expect(stdout).toMatch(/colpali {2}0 pages, 0 of them pending, 0 vectors\n.*\n$/);
  expect(stdout).toMatch(/colqwen {2}29 pages, 0 of them pending, 261 vectors\n$/);
});
