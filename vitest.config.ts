import { defineConfig } from 'vitest/config';
import type { Driver } from './test/support/database.ts';

/** Tests with a database: what a URL opens, and the queries, which run on node-postgres as well. */
function onDriver(name: string, driver: Driver, include: string[], exclude: string[] = []) {
  return {
    test: {
      name,
      include,
      exclude,
      provide: { driver },
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  };
}

export default defineConfig(({ mode }) => ({
  test: {
    globalSetup: 'test/support/global-setup.ts',
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'examples', include: ['test/examples/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { name: 'bench', include: ['test/bench/**/*.test.ts'], testTimeout: 300_000 } },
      // PGlite has one session: what needs several is in *.server.test.ts.
      onDriver('pglite', 'pglite', ['test/db/**/*.test.ts'], ['test/db/**/*.server.test.ts']),
      onDriver('postgres.js', 'postgres.js', ['test/db/**/*.test.ts']),
      onDriver('node-postgres', 'node-postgres', ['test/db/queries/**/*.test.ts']),
      onDriver('cli', 'postgres.js', ['test/cli/**/*.test.ts']),
      // A few runs of what `npm run test:faults` does for as long as it takes.
      {
        test: {
          name: 'faults',
          include: ['test/faults/**/*.test.ts'],
          provide: { faults: mode === 'full' ? ('full' as const) : ('few' as const) },
          hookTimeout: 60_000,
        },
      },
    ],
  },
}));
