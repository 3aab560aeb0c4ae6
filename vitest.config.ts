import { defineConfig } from 'vitest/config';
import type { Driver } from './test/support/database.ts';

/** Creates a project for tests that need a database. They read its driver with `inject('driver')`. */
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
    // By default Vitest leaves one core idle, which is half of a machine with two.
    maxWorkers: '100%',
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      { test: { name: 'examples', include: ['test/examples/**/*.test.ts'], testTimeout: 120_000 } },
      { test: { name: 'bench', include: ['test/bench/**/*.test.ts'], testTimeout: 300_000 } },
      // PGlite has only one session. Tests that need several are in *.server.test.ts files.
      onDriver('pglite', 'pglite', ['test/db/**/*.test.ts'], ['test/db/**/*.server.test.ts']),
      onDriver('postgres.js', 'postgres.js', ['test/db/**/*.test.ts']),
      onDriver('node-postgres', 'node-postgres', ['test/db/queries/**/*.test.ts']),
      onDriver('cli', 'postgres.js', ['test/cli/**/*.test.ts']),
      // Runs only a few rounds, unless started with `npm run test:faults`.
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
