import { defineConfig } from 'vitest/config';
import type { Driver } from './test/support/database.ts';

/** The database tests on one driver; those named *.server.test.ts need a server and say so. */
function onDriver(driver: Driver) {
  return {
    test: {
      name: driver,
      include: ['test/db/**/*.test.ts'],
      exclude: driver === 'postgres.js' ? [] : ['test/db/**/*.server.test.ts'],
      provide: { driver },
      testTimeout: 60_000,
      hookTimeout: 60_000,
    },
  };
}

export default defineConfig({
  test: {
    globalSetup: 'test/support/global-setup.ts',
    projects: [
      { test: { name: 'unit', include: ['test/unit/**/*.test.ts'], testTimeout: 60_000 } },
      onDriver('pglite'),
      onDriver('postgres.js'),
      onDriver('node-postgres'),
    ],
  },
});
