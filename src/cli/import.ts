import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { addAbortSignal } from 'node:stream';
import type { Command } from 'commander';
import { DatabaseUnavailableError } from '../errors.ts';
import { withDatabase } from './database.ts';
import { type ImportResult, importPages, LineError } from './import-pages.ts';
import { loadLedger } from './ledger-module.ts';
import { count } from './output.ts';
import { writeNote } from './stderr.ts';
import { examples, globalOptions } from './usage.ts';

export function addImportCommand(program: Command): void {
  program
    .command('import')
    .summary('record pages from an NDJSON file')
    .description(
      'Records pages from an NDJSON file, one page per line. A page that is already recorded is replaced, or stays unchanged if the line has the same values. You can run an interrupted import again.',
    )
    .argument('<file>', 'path of the file, or - to read stdin')
    .option('--skip-invalid', 'report invalid lines and skip them (default: stop at the first one)')
    .addHelpText(
      'after',
      `
Format of a line:
  {"docId":7,"page":3,"vectorIds":["a","b"],"grid":{"cols":2,"rows":1,"start":0},"pending":true}
  {"docId":7,"page":4,"patches":1030}

"patches" is the number of vectors. Use it in place of "vectorIds" if the page's
ids are patch ids, which the function patchVectorIds makes. "grid" and "pending"
are optional. "pending" is true if the vectors are not in the vector store yet.
Write numeric ids above 2^53 as strings. The documents must already be in the
table of documents.
${examples(
  'colpali-vectors import pages.ndjson',
  'gunzip -c ledger.ndjson.gz | colpali-vectors import - --skip-invalid 2> invalid-lines.txt',
)}`,
    )
    .action(async (file: string, { skipInvalid = false }: { skipInvalid?: boolean }) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const signal = abortOnInterrupt();
      const size = file === '-' ? undefined : (await stat(file)).size;
      const input = addAbortSignal(signal, file === '-' ? process.stdin : createReadStream(file));
      let recorded = 0;

      const result = await withDatabase(url, (db) =>
        output.whileShowing('Importing', (show) =>
          importPages(db, ledger, input, {
            signal,
            onInvalid: skipInvalid ? ({ message }) => output.warn(message) : undefined,
            onProgress: ({ pages, bytes }) => {
              recorded = pages;
              const share = size === undefined ? '' : `, ${Math.floor((100 * bytes) / size)}%`;
              show(`Importing: ${count(pages, 'page')}${share}`);
            },
          }),
        ),
      ).catch((error: unknown) => {
        throw withAdvice(error, recorded);
      });
      output.result(result, () => formatResult(result));
      if (result.stopped) endAsInterrupted(result);
    });
}

/** Ctrl-C stops the import after the current batch; a second Ctrl-C ends the process at once. */
function abortOnInterrupt(): AbortSignal {
  const interrupt = new AbortController();
  process.once('SIGINT', () => interrupt.abort());
  return interrupt.signal;
}

function endAsInterrupted({ lines }: ImportResult): void {
  writeNote('interrupted', `after line ${lines}; run the import again to continue`);
  // A shell recognizes Ctrl-C by the signal that ended the process, not by its exit code.
  process.kill(process.pid, 'SIGINT');
}

/** Adds to the message how many pages were recorded and how to continue. */
function withAdvice(error: unknown, recorded: number): unknown {
  if (error instanceof LineError) {
    error.message +=
      `\nRecorded ${count(recorded, 'page')} before this line. ` +
      'Fix the line and run the import again, or skip invalid lines with --skip-invalid.';
  } else if (error instanceof DatabaseUnavailableError && recorded > 0) {
    error.message += `\nRecorded ${count(recorded, 'page')}. Run the import again to continue.`;
  }
  return error;
}

function formatResult({ pages, skipped }: ImportResult): string {
  const skippedLines = skipped > 0 ? `, ${count(skipped, 'invalid line')} skipped` : '';
  return `${count(pages, 'page')} recorded${skippedLines}`;
}
