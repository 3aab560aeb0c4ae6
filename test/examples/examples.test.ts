import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../support/drizzle-kit.ts';

/** What an example prints; its own checks throw where something is not as it should be. */
function run(file: string): string {
  return execFileSync(process.execPath, ['--import', 'tsx', `examples/${file}`], {
    cwd: projectRoot,
    encoding: 'utf8',
  });
}

describe('npm run demo', () => {
  test('shows real pages, and the same when it is run again', () => {
    const first = run('demo.ts');
    expect(first).toContain('63 pages recorded');
    expect(first).toContain('lies on  document 1, page 3, patch 9');
    expect(first).toContain('ids waiting    160');
    expect(run('demo.ts')).toBe(first);
  });
});

test('pgvector in PGlite: the audit is clean after every step', () => {
  const output = run('pgvector.ts');
  expect(output.match(/audit {10}0 missing, 0 untracked/g)).toHaveLength(4);
});
