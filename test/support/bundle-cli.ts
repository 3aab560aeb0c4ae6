import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Bundles the command line, because the tests start hundreds of its processes, and a process needs three times as long
 * to start from TypeScript. Next to it, schema.mjs and pg-core.mjs are for schema files that the processes load.
 *
 * @returns The file to run, and a function that removes it.
 */
export async function bundleCli(): Promise<{ file: string; remove(): void }> {
  // Inside node_modules, so that it finds the packages that it imports.
  const folder = join(root, 'node_modules', '.cache', `colpali-vectors-cli-${process.pid}`);
  await build({
    absWorkingDir: root,
    entryPoints: { cli: 'src/cli.ts', schema: 'src/schema.ts', 'pg-core': 'drizzle-orm/pg-core' },
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
  return { file: join(folder, 'cli.mjs'), remove: () => rmSync(folder, { recursive: true }) };
}
