#!/usr/bin/env node
import { Command } from 'commander';
import { addAuditCommand } from './cli/audit.ts';
import { addDistributeCommand } from './cli/distribute.ts';
import { addExportCommand } from './cli/export.ts';
import { addGenerateCommand } from './cli/generate.ts';
import { addImportCommand } from './cli/import.ts';
import { addLocateCommand } from './cli/locate.ts';
import { addMigrateCommand } from './cli/migrate.ts';
import { addPartitionCommand } from './cli/partition.ts';
import { addPendingCommand } from './cli/pending.ts';
import { addPurgeCommand } from './cli/purge.ts';
import { addRollbackCommand } from './cli/rollback.ts';
import { safeLines } from './cli/safe-text.ts';
import { addShowCommand } from './cli/show.ts';
import { addStatsCommand } from './cli/stats.ts';
import { addStatusCommand } from './cli/status.ts';
import { exitCodes, reportError, stderrIsJson } from './cli/stderr.ts';
import { examples } from './cli/usage.ts';
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
  .option(
    '--ledger <module>',
    'path of your module that exports the ledger, with #name if it exports several (default: the ledger that "colpali-vectors migrate" creates)',
  )
  .option('--json', 'print results and errors as JSON')
  .configureHelp({ showGlobalOptions: true })
  .showHelpAfterError(stderrIsJson ? false : 'Run the command with --help to see its usage.')
  .exitOverride()
  // Commander repeats the arguments in its messages, so control characters must be escaped.
  .configureOutput({
    writeErr: (text) => {
      if (!stderrIsJson) process.stderr.write(safeLines(text));
    },
  })
  .addHelpText(
    'after',
    `
Results go to stdout, everything else goes to stderr.
Exit codes: 0 done, 1 failed or not found, 2 wrong usage, 130 and 143 stopped by SIGINT and SIGTERM.
${examples(
  'colpali-vectors migrate',
  'DATABASE_URL=postgres://app@localhost/app colpali-vectors status',
  'colpali-vectors show 7 3',
  'colpali-vectors export | gzip > ledger.ndjson.gz',
)}`,
  );

addMigrateCommand(program);
addRollbackCommand(program);
addGenerateCommand(program);
addStatusCommand(program);
addStatsCommand(program);
addPartitionCommand(program);
addShowCommand(program);
addLocateCommand(program);
addPendingCommand(program);
addPurgeCommand(program);
addAuditCommand(program);
addImportCommand(program);
addExportCommand(program);
addDistributeCommand(program);

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // The reader closed the pipe early, as in `export | head`.
  if (error.code === 'EPIPE') process.exit(exitCodes.done);
  error.message = `cannot write the result: ${error.message}`;
  process.exit(reportError(error));
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = reportError(error);
}
