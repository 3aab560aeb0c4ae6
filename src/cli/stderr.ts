/** What the command line writes on stderr: lines of text, or with --json one JSON object per line. */
import { CommanderError } from 'commander';
import { InvalidInputError, PurgeError } from '../errors.ts';
import { describeInvalidInput } from './invalid-input.ts';
import { safeJson, safeLines } from './safe-text.ts';
import { reasonOf } from './store-errors.ts';

/** The exit codes of the command line. */
export const exitCodes = { done: 0, failed: 1, wrongUsage: 2 } as const;

/** Whether stderr gets JSON. Reads the arguments itself, because commander may have failed to parse them. */
export const stderrIsJson = process.argv.includes('--json');

/** Writes a note, which is not a failure: `warning: ...`, or `{"warning":"..."}`. */
export function writeNote(
  kind: 'database' | 'warning' | 'stopped' | 'interrupted',
  text: string,
): void {
  const line = stderrIsJson ? safeJson({ [kind]: text }) : `${kind}: ${safeLines(text)}`;
  process.stderr.write(`${line}\n`);
}

/** Writes why something failed: the message, or `{"code":...,"message":...}`. */
function writeFailure(code: string, message: string): void {
  const line = stderrIsJson
    ? safeJson({ code, message })
    : `colpali-vectors: ${safeLines(message)}`;
  process.stderr.write(`${line}\n`);
}

/** Reports that something was not found, and sets the exit code. Does not end the process. */
export function reportNotFound(message: string): void {
  writeFailure('NOT_FOUND', message);
  process.exitCode = exitCodes.failed;
}

/** Reports an error. Returns the exit code for it. */
export function reportError(error: unknown): number {
  if (error instanceof CommanderError) {
    // --help and --version also throw, with exit code 0. Commander has already printed its message as text.
    if (error.exitCode === 0) return exitCodes.done;
    if (stderrIsJson) writeFailure('WRONG_USAGE', usageMessage(error));
    return exitCodes.wrongUsage;
  }
  if (error instanceof InvalidInputError) {
    writeFailure(error.code, describeInvalidInput(error));
    return exitCodes.wrongUsage;
  }
  const message = error instanceof Error ? error.message : String(error);
  const reason = error instanceof PurgeError ? `: ${reasonOf(error.cause)}` : '';
  writeFailure(codeOf(error), message + reason);
  return exitCodes.failed;
}

function usageMessage({ code, message }: CommanderError): string {
  return code === 'commander.help' ? 'a command is missing' : message.replace(/^error: /, '');
}

/** The code of the error, or else of its cause: a `LineError` has none, but its cause does. */
function codeOf(error: unknown): string {
  const { code, cause } = Object(error) as { code?: unknown; cause?: unknown };
  if (typeof code === 'string') return code;
  return cause === undefined ? 'FAILED' : codeOf(cause);
}
