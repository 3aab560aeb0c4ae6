import { spawnSync } from 'node:child_process';
import { beforeAll, describe, expect, test } from 'vitest';
import { projectRoot } from '../support/drizzle-kit.ts';

/** Runs an example and returns what it prints. An example throws if one of its results is wrong. */
function run(file: string): { stdout: string; stderr: string } {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--import', 'tsx', `examples/${file}`],
    { cwd: projectRoot, encoding: 'utf8' },
  );
  expect(status, stderr).toBe(0);
  return { stdout, stderr };
}

describe('npm run demo', () => {
  let stdout: string;
  let stderr: string;
  beforeAll(() => {
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

  test('fits on a screen of 80 columns and 40 rows', () => {
    const lines = stdout.split('\n');
    expect(lines.length).toBeLessThan(40);
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test('prints the same when it runs again', () => {
    expect(run('demo.ts').stdout).toBe(stdout);
  });
});

test('the audit is clean after every step of the pgvector example', () => {
  const { stdout } = run('pgvector.ts');
  expect(stdout.match(/audit {10}0 missing, 0 untracked/g)).toHaveLength(4);
});
