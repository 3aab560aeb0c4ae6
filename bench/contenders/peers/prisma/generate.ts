/** Writes Prisma's client for schema.prisma into generated/. */
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const pathOf = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

execFileSync(
  process.execPath,
  [pathOf('../../../node_modules/prisma/build/index.js'), 'generate', '--schema=schema.prisma'],
  {
    cwd: pathOf('.'),
    stdio: 'inherit',
    // Prisma would download an engine that only its migrations use; it takes any file for one it has.
    env: { ...process.env, PRISMA_SCHEMA_ENGINE_BINARY: process.execPath },
  },
);
