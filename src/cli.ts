#!/usr/bin/env node
import { Command, CommanderError } from 'commander';
import { addExportCommand } from './cli/export.ts';
import { addImportCommand } from './cli/import.ts';
import { addLocateCommand } from './cli/locate.ts';
import { addMigrateCommand } from './cli/migrate.ts';
import { exitCodes, reportFailure } from './cli/output.ts';
import { addPendingCommand } from './cli/pending.ts';
import { addRollbackCommand } from './cli/rollback.ts';
import { safeLines } from './cli/safe-text.ts';
import { addShowCommand } from './cli/show.ts';
import { addStatusCommand } from './cli/status.ts';
import { describeInvalidInput, examples } from './cli/usage.ts';
import { InvalidInputError } from './errors.ts';
import { version } from './version.ts';

const program = new Command('colpali-vectors')
  .description(
    'Keeps track, in PostgreSQL, of which vectors in your vector store belong to which page of which document.',
  )
  .version(version)
  .option(
    '-d, --database <url>',
    'postgres:// URL of a server, or directory of an embedded database (default: the environment variable DATABASE_URL, otherwise .pglite)',
  )
  .option('--json', 'print the result as JSON')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError('Run the command with --help to see its usage.')
  .exitOverride()
  // Commander repeats the arguments in its messages.
  .configureOutput({ writeErr: (text) => process.stderr.write(safeLines(text)) })
  .addHelpText(
    'after',
    `
Results go to stdout, everything else goes to stderr.
Exit codes: 0 done, 1 failed or not found, 2 wrong usage.
${examples(
  'colpali-vectors migrate',
  'DATABASE_URL=postgres://app@localhost/app colpali-vectors status',
  'colpali-vectors show 7 3',
  'colpali-vectors export | gzip > ledger.ndjson.gz',
)}`,
  );

addMigrateCommand(program);
addRollbackCommand(program);
addStatusCommand(program);
addShowCommand(program);
addLocateCommand(program);
addPendingCommand(program);
addImportCommand(program);
addExportCommand(program);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe early, as in `export | head`.
  if (error.code === 'EPIPE') process.exit(exitCodes.done);
  reportFailure(`cannot write the result: ${error.message}`);
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Commander has printed its message already. Help and version also end here, with exit code 0.
    process.exitCode = error.exitCode === 0 ? exitCodes.done : exitCodes.wrongUsage;
  } else if (error instanceof InvalidInputError) {
    reportFailure(describeInvalidInput(error), exitCodes.wrongUsage);
  } else {
    reportFailure(error instanceof Error ? error.message : String(error));
  }
}
