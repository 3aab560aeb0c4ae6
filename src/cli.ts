#!/usr/bin/env node
/** The command line: `colpali-vectors migrate | rollback | status | show | locate | import | export`. */
import { once } from 'node:events';
import { createReadStream, readFileSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { requireDatabase, withDatabase } from './cli/database.ts';
import { importPages, LineError } from './cli/import.ts';
import { count, Output } from './cli/output.ts';
import { formatPageLine } from './cli/page-line.ts';
import { formatLocations, formatPage, formatPages } from './cli/pages.ts';
import { formatLedgerStatus, readLedgerStatus } from './cli/status.ts';
import { parseDatabaseUrl } from './connect/database-url.ts';
import { DatabaseUnavailableError, InvalidInputError } from './errors.ts';
import { migrate } from './migrations/migrate.ts';
import { rollback } from './migrations/rollback.ts';
import { createVectorRepository } from './repository.ts';
import { maxInteger } from './require.ts';

/** The exit codes, beside 0 for done. */
const failed = 1;
const wrongUsage = 2;

/** The options that every command takes. */
interface GlobalOptions {
  database?: string;
  json?: boolean;
}

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));

const program = new Command('colpali-vectors')
  .description('Which vectors in the vector store belong to each page of each document.')
  .version(version)
  .option(
    '-d, --database <url>',
    'postgres:// URL of a server, or directory of an embedded database (default: DATABASE_URL, else .pglite)',
  )
  .option('--json', 'print the result as JSON')
  .configureHelp({ showGlobalOptions: true })
  .exitOverride()
  .addHelpText(
    'after',
    `
Results go to stdout, everything else to stderr.
Exit codes: 0 done, 1 failed or not found, 2 wrong usage.

Examples:
  $ colpali-vectors migrate
  $ DATABASE_URL=postgres://app@localhost/app colpali-vectors status
  $ colpali-vectors show 7 3
  $ colpali-vectors export | gzip > ledger.ndjson.gz`,
  );

const lockTimeout = () =>
  new Option(
    '--lock-timeout <ms>',
    'how long to wait for a table that another session uses (default: 5000)',
  ).argParser(positiveInteger);

program
  .command('migrate')
  .description('apply the migrations that the database does not have yet')
  .addOption(lockTimeout())
  .addHelpText(
    'after',
    `
Examples:
  $ colpali-vectors migrate
  $ colpali-vectors migrate --lock-timeout 30000 --database postgres://owner@localhost/app`,
  )
  .action(async ({ lockTimeout: lockTimeoutMs }: { lockTimeout?: number }) => {
    const { output, database: url } = globalOptions();
    const result = await output.whileShowing('Migrating', () => migrate({ url, lockTimeoutMs }));
    for (const warning of result.warnings) output.warn(warning);
    output.result(
      result,
      () => result.applied.map((tag) => `applied ${tag}`).join('\n') || 'nothing to apply',
    );
  });

program
  .command('rollback')
  .description('undo the newest migration, or more of them')
  .addOption(new Option('--to <migration>', 'undo what is newer than this one').conflicts('all'))
  .option('--all', 'undo every migration: vectors is dropped, documents stays')
  .addOption(lockTimeout())
  .addHelpText(
    'after',
    `
Examples:
  $ colpali-vectors rollback
  $ colpali-vectors rollback --to 0000_create_vectors
  $ colpali-vectors rollback --all`,
  )
  .action(async ({ to, all, lockTimeout: lockTimeoutMs }) => {
    const { output, database: url } = globalOptions();
    requireDatabase(parseDatabaseUrl(url));
    const result = await output.whileShowing('Rolling back', () =>
      rollback({ url, to, all, lockTimeoutMs }),
    );
    for (const warning of result.warnings) output.warn(warning);
    output.result(
      result,
      () => result.undone.map((tag) => `undone ${tag}`).join('\n') || 'nothing to undo',
    );
  });

program
  .command('status')
  .description('show where it is connected, which migrations are applied, and what is recorded')
  .addHelpText(
    'after',
    '\nExamples:\n  $ colpali-vectors status\n  $ colpali-vectors status --json',
  )
  .action(async () => {
    const { output, database: url } = globalOptions();
    const status = await withDatabase(url, (db) => readLedgerStatus(db, url));
    output.result(status, () => formatLedgerStatus(status));
  });

program
  .command('show')
  .description('show the pages of a document, or the vector ids of a page')
  .argument('<docId>', 'the document', positiveInteger)
  .argument('[page]', 'the page, from 1', positiveInteger)
  .addHelpText(
    'after',
    '\nExamples:\n  $ colpali-vectors show 7\n  $ colpali-vectors show 7 3 --json',
  )
  .action(async (docId: number, page: number | undefined) => {
    const { output, database: url } = globalOptions();
    await withDatabase(url, async (db) => {
      const ledger = createVectorRepository(db);
      if (page === undefined) {
        const pages = await ledger.findByDocument(docId);
        if (pages.length === 0) fail(`document ${docId} has no pages`);
        else output.result(pages, () => formatPages(pages));
      } else {
        const found = await ledger.findByPage(docId, page);
        if (found === undefined) fail(`page ${page} of document ${docId} is not recorded`);
        else output.result(found, () => formatPage(found));
      }
    });
  });

program
  .command('locate')
  .description('show which document, page and patch vectors belong to')
  .argument('<id...>', 'vector ids, as the vector store names them')
  .addHelpText(
    'after',
    '\nExamples:\n  $ colpali-vectors locate 00000007-0000-8003-8000-000000000029',
  )
  .action(async (ids: string[]) => {
    const { output, database: url } = globalOptions();
    const locations = await withDatabase(url, (db) => createVectorRepository(db).locate(ids));
    const found = locations.flatMap((location) => location ?? []);
    if (output.json || found.length > 0) {
      const orNull = locations.map((location) => location ?? null);
      output.result(orNull, () => formatLocations(found));
    }
    ids.forEach((id, position) => {
      if (locations[position] === undefined) fail(`no page holds ${id}`);
    });
  });

program
  .command('import')
  .description('record pages from an NDJSON file; what is recorded so already is left alone')
  .argument('<file>', 'a line a page; - for stdin')
  .option('--skip-invalid', 'report the lines that cannot be recorded and leave them out')
  .addHelpText(
    'after',
    `
A line: {"docId":7,"page":3,"vectorIds":["a","b"],"grid":{"cols":2,"rows":1,"start":0},"pending":true}
grid and pending may be left out. Ids above 2^53 must be strings. The documents must be there.

Examples:
  $ colpali-vectors import pages.ndjson
  $ gunzip -c ledger.ndjson.gz | colpali-vectors import - --skip-invalid 2> invalid-lines.txt`,
  )
  .action(async (file: string, { skipInvalid }: { skipInvalid?: boolean }) => {
    const { output, database: url } = globalOptions();
    // Ctrl-C ends the import after the pages under way; a second one ends the process at once.
    const interrupt = new AbortController();
    process.once('SIGINT', () => interrupt.abort());
    const { signal } = interrupt;
    const size = file === '-' ? undefined : (await stat(file)).size;
    const input = addAbortSignal(signal, file === '-' ? process.stdin : createReadStream(file));
    let recorded = 0;

    const result = await withDatabase(url, (db) =>
      output.whileShowing('Importing', (show) =>
        importPages(db, input, {
          signal,
          onInvalid: skipInvalid ? ({ message }) => output.warn(message) : undefined,
          onProgress: ({ pages, bytes }) => {
            recorded = pages;
            const share = size === undefined ? '' : `, ${Math.floor((100 * bytes) / size)} %`;
            show(`Importing: ${count(pages, 'page')}${share}`);
          },
        }),
      ),
    ).catch((error: unknown) => {
      if (error instanceof LineError) {
        error.message += `\n${count(recorded, 'page')} before it recorded; mend the line and run the import again`;
      } else if (error instanceof DatabaseUnavailableError && recorded > 0) {
        error.message += `\n${count(recorded, 'page')} recorded; run the import again to go on`;
      }
      throw error;
    });
    const skipped = result.skipped > 0 ? `, ${count(result.skipped, 'line')} left out` : '';
    output.result(result, () => `${count(result.pages, 'page')} recorded${skipped}`);
    if (result.stopped) {
      process.stderr.write(
        `interrupted after line ${result.lines}; run the import again to go on\n`,
      );
      // As a shell expects it of what Ctrl-C ended.
      process.kill(process.pid, 'SIGINT');
    }
  });

program
  .command('export')
  .description('print the pages as NDJSON, by document and page')
  .option('--document <docId>', 'of this document alone', positiveInteger)
  .addHelpText(
    'after',
    '\nExamples:\n  $ colpali-vectors export > pages.ndjson\n  $ colpali-vectors export --document 7',
  )
  .action(async ({ document: docId }: { document?: number }) => {
    const { database: url } = globalOptions();
    await withDatabase(url, (db) =>
      // One point in time, however long it takes.
      db.transaction(
        async (tx) => {
          let pages = 0;
          for await (const page of createVectorRepository(tx).streamPages({ docId })) {
            if (!process.stdout.write(`${formatPageLine(page)}\n`)) {
              await once(process.stdout, 'drain');
            }
            pages += 1;
          }
          if (pages === 0 && docId !== undefined) fail(`document ${docId} has no pages`);
        },
        { isolationLevel: 'repeatable read', accessMode: 'read only' },
      ),
    );
  });

function globalOptions(): { output: Output; database: string | undefined } {
  const { database, json = false } = program.opts<GlobalOptions>();
  return { output: new Output(json), database };
}

function positiveInteger(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= maxInteger) return value;
  throw new InvalidArgumentError(`It must be an integer from 1 to ${maxInteger}.`);
}

function fail(message: string, exitCode = failed): void {
  process.stderr.write(`colpali-vectors: ${message}\n`);
  process.exitCode = exitCode;
}

// A reader that has seen enough (`export | head`) is no failure.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  fail(`the result cannot be written: ${error.message}`);
  process.exit();
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    // Help and version come this way too, with exit code 0; commander has printed its message.
    process.exitCode = error.exitCode === 0 ? 0 : wrongUsage;
  } else if (error instanceof InvalidInputError) {
    fail(error.message, wrongUsage);
  } else {
    fail(error instanceof Error ? error.message : String(error));
  }
}
