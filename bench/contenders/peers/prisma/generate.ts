/** Generates Prisma's client for schema.prisma in generated/. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

execFileSync(
  process.execPath,
  [pathOf('../../../node_modules/prisma/build/index.js'), 'generate', '--schema=schema.prisma'],
  {
    cwd: pathOf('.'),
    stdio: 'inherit',
    // Prevents the download of an engine that only Prisma's migrations use; any existing file works.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  },
);
