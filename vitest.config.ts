import { defineConfig } from 'vitest/config';
import type { Driver, Faults, Shape } from './test/support/database.ts';

/** How long a database test may take. Slow machines need longer. */
const timeoutMs = 1_000 * Number(process.env['TEST_TIMEOUT_SECONDS'] ?? 60);

/**
 * The files that a worker runs share their modules: to load these again for each file takes a third of the time.
 * Vitest ignores this setting above the projects.
 */
const shared = { isolate: false };

/** Creates a project for tests that need a database. They read its driver with `inject('driver')`. */
function onDriver(
  name: string,
  driver: Driver,
  tests: { include: string[]; exclude?: string[] },
  { shape = 'plain', faults = 'few' }: { shape?: Shape; faults?: Faults } = {},
) {
  return {
    test: {
      ...shared,
      ...tests,
      name,
      provide: { driver, shape, faults },
      testTimeout: timeoutMs,
      hookTimeout: timeoutMs,
    },
  };
}

/** The tests that get a migrated ledger. All other database tests create and migrate their own databases. */
const ofMigratedLedger = [
  'test/db/queries/**/*.test.ts',
  'test/db/{purge,purge-lock,disturbed,lost-connection,returning-ids}.server.test.ts',
  'test/db/random-arguments.test.ts',
];

export default defineConfig(({ mode }) => {
  const isFull = mode === 'full';
  const faults: Faults = isFull ? 'full' : 'few';
  return {
    test: {
      globalSetup: 'test/support/global-setup.ts',
      // By default Vitest leaves one core idle, which is half of a machine with two.
      maxWorkers: '100%',
      projects: [
        {
          test: {
            ...shared,
            name: 'unit',
            include: ['test/unit/**/*.test.ts'],
            testTimeout: timeoutMs,
          },
        },
        {
          test: {
            ...shared,
            name: 'examples',
            include: ['test/examples/**/*.test.ts'],
            testTimeout: 120_000,
          },
        },
        {
          test: {
            ...shared,
            name: 'bench',
            include: ['test/bench/**/*.test.ts'],
            testTimeout: 300_000,
          },
        },
        // PGlite has only one session. Tests that need several are in *.server.test.ts files.
        onDriver('pglite', 'pglite', {
          include: ['test/db/**/*.test.ts'],
          exclude: ['test/db/**/*.server.test.ts'],
        }),
        onDriver('postgres.js', 'postgres.js', { include: ['test/db/**/*.test.ts'] }),
        onDriver('node-postgres', 'node-postgres', { include: ['test/db/queries/**/*.test.ts'] }),
        // `npm run test:shapes` runs all tests of a migrated ledger here, other runs only two files.
        onDriver(
          'partitioned',
          'postgres.js',
          { include: isFull ? ofMigratedLedger : ['test/db/queries/{purge,hits}.test.ts'] },
          { shape: 'partitioned' },
        ),
        // On the cluster at TEST_CITUS_URL.
        ...(process.env['TEST_CITUS_URL']
          ? [
              onDriver(
                'distributed',
                'postgres.js',
                {
                  include: [
                    ...ofMigratedLedger,
                    'test/citus/**/*.test.ts',
                    'test/faults/model.test.ts',
                  ],
                },
                { shape: 'distributed', faults },
              ),
            ]
          : []),
        onDriver('cli', 'postgres.js', { include: ['test/cli/**/*.test.ts'] }),
        // Runs only a few rounds, unless started with `npm run test:faults`.
        {
          test: {
            ...shared,
            name: 'faults',
            include: ['test/faults/**/*.test.ts'],
            provide: { shape: 'plain' as const, faults },
            hookTimeout: 60_000,
          },
        },
      ],
    },
  };
});
