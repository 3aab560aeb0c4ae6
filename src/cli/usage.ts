import { type Command, InvalidArgumentError, Option } from 'commander';
import { describeTarget, parseDatabaseUrl } from '../connect/database-url.ts';
import { maxInteger } from '../require.ts';
import { Output } from './output.ts';
import { writeNote } from './stderr.ts';

/** The options that every command accepts. */
interface GlobalOptions {
  database?: string;
  json?: boolean;
}

/**
 * Returns the values of the global options. Names the database on stderr, because it may not be the one that the user
 * expects. Call it in a command's action, where the arguments have been parsed.
 *
 * @throws {InvalidInputError} The URL of the database is not valid.
 */
export function globalOptions(program: Command): { output: Output; url: string | undefined } {
  const { database: url, json = false } = program.opts<GlobalOptions>();
  writeNote('database', describeTarget(parseDatabaseUrl(url)));
  return { output: new Output(json), url };
}

/**
 * `--lock-timeout`, for the commands that change tables.
 *
 * @param migratorMs - If the option is not given, the command waits this long for another migrator.
 */
export function lockTimeoutOption(migratorMs = 60_000): Option {
  return new Option(
    '--lock-timeout <ms>',
    `how many milliseconds to wait for another migrator (default: ${migratorMs}) or for a table that another session has locked (default: 5000)`,
  ).argParser(parsePositiveInteger);
}

/** Parses an argument for commander, which adds the argument's name and value to the error. */
export function parsePositiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= maxInteger) return value;
  throw new InvalidArgumentError(`Expected an integer from 1 to ${maxInteger}.`);
}

/** Help text that lists example commands. */
export function examples(...commands: string[]): string {
  return `\nExamples:\n${commands.map((command) => `  $ ${command}`).join('\n')}`;
}
