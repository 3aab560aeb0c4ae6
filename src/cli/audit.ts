import { type Command, InvalidArgumentError } from 'commander';
import type { DocumentId } from '../document-id.ts';
import { formatDocId } from '../errors.ts';
import { type AuditReport, auditVectors } from '../store/audit.ts';
import { withDatabase } from './database.ts';
import { loadLedger } from './ledger-module.ts';
import { count, formatNumber } from './output.ts';
import { safeValue } from './safe-text.ts';
import { exitCodes, writeNote } from './stderr.ts';
import { listenForStop } from './stop-signal.ts';
import { withNamedErrors } from './store-errors.ts';
import { loadStore, storeOption } from './store-module.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

interface AuditArguments {
  store: string;
  markMissingPending?: boolean;
  queueUntracked?: boolean;
  maxUntrackedShare?: number;
  sample?: number;
  batchIds?: number;
  exitCode?: boolean;
}

export function addAuditCommand(program: Command): void {
  program
    .command('audit')
    .summary('compare the ledger with the vector store')
    .description(
      'Compares the ledger with the vector store, which it reads with your functions listIds and existing. Changes nothing unless an option says so.',
    )
    .addOption(storeOption('listIds and existing'))
    .option('--mark-missing-pending', 'make pages with missing vectors pending again')
    .option(
      '--queue-untracked',
      'queue untracked ids, so that the next purge deletes them; safe only if every ingest records its pages first',
    )
    .option(
      '--max-untracked-share <share>',
      'the largest share of the store that --queue-untracked may queue, from 0 to 1 (default: 0.1)',
      parseShare,
    )
    .option(
      '--sample <number>',
      'how many ids of each kind to list (default: 10)',
      parsePositiveInteger,
    )
    .option(
      '--batch-ids <number>',
      'how many ids one call of existing gets (default: 1000)',
      parsePositiveInteger,
    )
    .option('--exit-code', 'exit with 1 if there is any difference')
    .addHelpText(
      'after',
      examples(
        'colpali-vectors audit --store ./store.js',
        'colpali-vectors audit --store ./store.js --mark-missing-pending --exit-code',
      ),
    )
    .action(async ({ store, sample: sampleSize, exitCode, ...options }: AuditArguments) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const { listIds, existing } = await loadStore(store, ['listIds', 'existing']);
      const stop = listenForStop();
      const audit = withDatabase(url, (db) =>
        output.whileShowing('Auditing', (show) =>
          auditVectors(db, withNamedErrors({ listIds, existing }), {
            ...options,
            ledger,
            sampleSize,
            signal: stop.signal,
            onProgress: ({ vectors, stored }) =>
              show(`Auditing: ${count(vectors, 'vector')}, ${count(stored, 'id')} of the store`),
          }),
        ),
      );
      const report = await audit.catch((error: unknown) => {
        if (stop.signal.aborted) return undefined;
        throw error;
      });
      if (report === undefined) {
        writeNote('stopped', 'the audit is not complete');
        process.exitCode = stop.exitCode();
        return;
      }
      output.result(report, () => formatReport(report));
      if (exitCode && hasDifferences(report)) process.exitCode = exitCodes.failed;
    });
}

function parseShare(text: string): number {
  const share = Number(text);
  if (text.trim() !== '' && share >= 0 && share <= 1) return share;
  throw new InvalidArgumentError('Expected a number from 0 to 1.');
}

function hasDifferences({ missing, untracked, shared }: AuditReport<DocumentId>): boolean {
  return missing.vectors + untracked.vectors + shared.vectors > 0;
}

function formatReport({ pages, vectors, stored, ...found }: AuditReport<DocumentId>): string {
  const { missing, untracked, shared } = found;
  const indent = (line: string) => `            ${line}`;
  return [
    `ledger      ${count(vectors, 'vector')} of ${count(pages, 'indexed page')}`,
    `store       ${count(stored, 'id')}`,
    `missing     ${count(missing.vectors, 'vector')} of ${count(missing.pages, 'page')}`,
    ...missing.sample.map(({ vectorId, docId, page, patch }) =>
      indent(
        `document ${formatDocId(docId)}, page ${page}, patch ${patch}: ${safeValue(vectorId)}`,
      ),
    ),
    `untracked   ${count(untracked.vectors, 'id')}, ${formatNumber(untracked.queued)} queued`,
    ...untracked.sample.map((id) => indent(safeValue(id))),
    `shared      ${count(shared.vectors, 'id')} on several pages`,
    ...shared.sample.map(({ vectorId }) => indent(safeValue(vectorId))),
  ].join('\n');
}
