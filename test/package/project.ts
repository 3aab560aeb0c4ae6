/** Temporary projects in which the packed package is installed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { projectRoot } from '../support/drizzle-kit.ts';

const { devDependencies } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));

/** Prints what is checked next. */
export function step(name: string): void {
  console.log(`- ${name}`);
}

/** A package in the version that this repository is tested with. */
export function peer(name: string): string {
  return `${name}@${devDependencies[name]}`;
}

/**
 * Runs a command and returns its stdout. If it fails, the error shows everything that it printed.
 *
 * @param env - Variables of its environment. DATABASE_URL is not inherited.
 */
export function run(
  cwd: string,
  command: readonly string[],
  env: Record<string, string> = {},
): string {
  const [program = '', ...args] = command;
  const { DATABASE_URL: _, ...inherited } = process.env;
  const { status, stdout, stderr } = spawnSync(program, args, {
    cwd,
    env: { ...inherited, ...env },
    encoding: 'utf8',
  });
  assert.equal(status, 0, `${command.join(' ')} failed:\n${stdout}${stderr}`);
  return stdout;
}

/** A temporary folder with a project in it. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));

  /** Copies a file or folder of test/ to a path in the project. */
  copy(source: string, target: string): void {
    cpSync(join(projectRoot, 'test', source), join(this.folder, target), { recursive: true });
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.folder, file)), { recursive: true });
    writeFileSync(join(this.folder, file), text);
  }

  install(...packages: string[]): void {
    this.run(['npm', 'install', '--no-audit', '--no-fund', '--prefer-offline', ...packages]);
  }

  /** Runs a command in the project's folder and returns its stdout. */
  run(command: readonly string[], env: Record<string, string> = {}): string {
    return run(this.folder, command, env);
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
