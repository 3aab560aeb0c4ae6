import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { bundled } from './bundled.ts';

/** How a command-line process ended. */
export interface CliResult {
  /** Null if a signal ended the process. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  /** Without the line that names the database. */
  stderr: string;
}

export interface CliOptions {
  /** Keeps the line in `stderr` that names the database. */
  keepDatabaseLine?: boolean;
  env?: Record<string, string>;
  cwd?: string;
}

/** Starts `colpali-vectors ...`, bundled from the sources, without the DATABASE_URL of this process. */
export function startCli(
  args: string[],
  { env = {}, cwd, keepDatabaseLine = false }: CliOptions = {},
): { process: ChildProcessWithoutNullStreams; result: Promise<CliResult> } {
  const { DATABASE_URL: _, ...inherited } = process.env;
  const child = spawn(process.execPath, [bundled('cli'), ...args], {
    cwd,
    env: { ...inherited, ...env },
  });
  // The process may end before it has read all of its input.
  child.stdin.on('error', () => {});
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  const result = new Promise<CliResult>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) =>
      resolve({
        code,
        signal,
        stdout: stdout(),
        stderr: keepDatabaseLine
          ? stderr()
          : stderr().replace(/^(?:database: |\{"database":).*\n/, ''),
      }),
    );
  });
  return { process: child, result };
}

/** Runs `colpali-vectors ...` to completion, with `input` on its stdin. */
export function runCli(
  args: string[],
  { input = '', ...options }: CliOptions & { input?: string | Buffer } = {},
): Promise<CliResult> {
  const { process: child, result } = startCli(args, options);
  child.stdin.end(input);
  return result;
}

/** Collects the text of a stream. Returns a function that returns the text so far. */
function collect(stream: Readable): () => string {
  let text = '';
  stream.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  return () => text;
}
