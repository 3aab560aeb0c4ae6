import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The project's folder, which contains drizzle.config.ts. */
export const projectRoot = fileURLToPath(new URL('../..', import.meta.url));

const bin = join(projectRoot, 'node_modules/drizzle-kit/bin.cjs');

/** Runs `npx drizzle-kit ...` without a terminal. Returns its exit code and what it printed. */
export function runDrizzleKit(
  args: string[],
  env: Record<string, string> = {},
  cwd = projectRoot,
): Promise<{ code: number; output: string }> {
  return new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      [bin, ...args],
      { cwd, env: { ...process.env, ...env } },
      (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : Number(error.code), output: stdout + stderr });
      },
    );
    child.stdin?.end();
  });
}

/** Starts `npx drizzle-kit ...` and returns while it runs. */
export function startDrizzleKit(args: string[], env: Record<string, string>): ChildProcess {
  return spawn(process.execPath, [bin, ...args], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
    stdio: 'ignore',
  });
}
