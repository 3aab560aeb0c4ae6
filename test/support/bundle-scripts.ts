import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** The files to bundle, by the name of their bundle. */
const scripts = {
  cli: 'src/cli.ts',
  'crash-worker': 'test/faults/worker.ts',
  'directory-lock': 'src/connect/directory-lock.ts',
  'hold-pglite-process': 'test/support/hold-pglite-process.ts',
  'lost-connection-process': 'test/support/lost-connection-process.ts',
  'migrate-process': 'test/support/migrate-process.ts',
  // For schema files that the command line loads.
  'pg-core': 'drizzle-orm/pg-core',
  schema: 'src/schema.ts',
};

export type ScriptName = keyof typeof scripts;

/**
 * Bundles what tests run in processes of their own. There are hundreds of these processes, and each needs several times as
 * long to start from TypeScript.
 *
 * @returns The folder of the bundles, and a function that removes it. Tests find a bundle with `bundled`.
 */
export async function bundleScripts(): Promise<{ folder: string; remove(): void }> {
  // Inside node_modules, so that the bundles find the packages that they import.
  const folder = join(root, 'node_modules', '.cache', `colpali-vectors-test-${process.pid}`);
  await build({
    absWorkingDir: root,
    entryPoints: scripts,
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    // The other dependencies are bundled too, because many files load slowly. These read files of their own packages, or
    // are rarely needed.
    external: ['@electric-sql/*', 'drizzle-kit', 'esbuild', 'tsx', 'typescript'],
    // For CommonJS dependencies.
    banner: {
      js: "import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);",
    },
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return { folder, remove: () => rmSync(folder, { recursive: true }) };
}
