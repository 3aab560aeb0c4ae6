import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Bundles the command line, because the tests start hundreds of its processes, and a process needs three times as long
 * to start from TypeScript.
 *
 * @returns The file to run, and a function that removes it.
 */
export async function bundleCli(): Promise<{ file: string; remove(): void }> {
  // Inside node_modules, so that it finds the packages that it imports.
  const folder = join(root, 'node_modules', '.cache', `colpali-vectors-cli-${process.pid}`);
  await build({
    absWorkingDir: root,
    entryPoints: ['src/cli.ts'],
    outdir: folder,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    splitting: true,
    packages: 'external',
    platform: 'node',
    format: 'esm',
    logLevel: 'warning',
  });
  return { file: join(folder, 'cli.mjs'), remove: () => rmSync(folder, { recursive: true }) };
}
