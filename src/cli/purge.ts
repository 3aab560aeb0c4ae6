import { setTimeout } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { InvalidInputError, MigrationError, VectorLedgerError } from '../errors.ts';
import type { DeleteVectors } from '../store/delete-call.ts';
import { type PurgeProgress, purgeOrphans } from '../store/purge.ts';
import type { VectorTables } from '../tables.ts';
import { withDatabase } from './database.ts';
import { loadLedger } from './ledger-module.ts';
import { count, type Output } from './output.ts';
import { reportError } from './stderr.ts';
import { listenForStop } from './stop-signal.ts';
import { loadStore, storeOption } from './store-module.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

interface PurgeArguments {
  store: string;
  every?: number;
  batchIds?: number;
}

/** What `colpali-vectors purge --json` prints for each purge. */
interface PurgeReport extends PurgeProgress {
  /** Null if the purge was stopped. */
  remaining: number | null;
  /** Whether SIGINT or SIGTERM stopped the purge. */
  stopped: boolean;
}

export function addPurgeCommand(program: Command): void {
  program
    .command('purge')
    .summary('delete queued vector ids from the vector store')
    .description(
      'Deletes the vectors of deleted and replaced pages from the vector store, with your function deleteVectors. SIGINT and SIGTERM stop the purge after the current call.',
    )
    .addOption(storeOption('deleteVectors'))
    .option(
      '--every <seconds>',
      'keep running, and purge again this many seconds after each purge',
      parsePositiveInteger,
    )
    .option(
      '--batch-ids <number>',
      'how many ids one call gets (default: 1000)',
      parsePositiveInteger,
    )
    .addHelpText(
      'after',
      examples(
        'colpali-vectors purge --store ./store.js',
        'colpali-vectors purge --store ./store.js --every 60 --json',
      ),
    )
    .action(async ({ store, every, batchIds }: PurgeArguments) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const { deleteVectors } = await loadStore(store, ['deleteVectors']);
      const stop = listenForStop();
      const purge = (db: Db) =>
        purgeOnce(db, output, deleteVectors, { ledger, batchIds }, stop.signal);
      if (every === undefined) {
        const { stopped } = await withDatabase(url, purge);
        if (stopped) process.exitCode = stop.exitCode();
      } else {
        await withDatabase(url, (db) => purgeEvery(every, stop.signal, () => purge(db)));
      }
    });
}

/** Purges until a signal stops it. Reports temporary failures; the next purge tries again. */
async function purgeEvery(
  seconds: number,
  stop: AbortSignal,
  purge: () => Promise<unknown>,
): Promise<void> {
  while (!stop.aborted) {
    await purge().catch((error: unknown) => {
      if (!mayPass(error)) throw error;
      reportError(error);
    });
    await setTimeout(seconds * 1_000, undefined, { signal: stop }).catch(() => {});
  }
}

function mayPass(error: unknown): boolean {
  return (
    error instanceof VectorLedgerError &&
    !(error instanceof InvalidInputError || error instanceof MigrationError)
  );
}

async function purgeOnce(
  db: Db,
  output: Output,
  deleteVectors: DeleteVectors<DocumentId>,
  options: { ledger: VectorTables; batchIds: number | undefined },
  stop: AbortSignal,
): Promise<PurgeReport> {
  let progress: PurgeProgress = { deleted: 0, spared: 0, repaired: 0 };
  const report = await output.whileShowing('Purging', async (show): Promise<PurgeReport> => {
    try {
      const result = await purgeOrphans(db, finishing(deleteVectors, stop), {
        ...options,
        signal: stop,
        onProgress: (next) => {
          progress = next;
          show(`Purging: ${count(next.deleted, 'id')} deleted`);
        },
      });
      return { ...result, stopped: false };
    } catch (error) {
      if (!stop.aborted || error !== stop.reason) throw error;
      return { ...progress, remaining: null, stopped: true };
    }
  });
  output.result(report, () => formatReport(report));
  return report;
}

/** Wraps `deleteVectors` so that stopping the purge does not abort the current call. */
function finishing(
  deleteVectors: DeleteVectors<DocumentId>,
  stop: AbortSignal,
): DeleteVectors<DocumentId> {
  return (ids, context) => {
    const call = new AbortController();
    context.signal.addEventListener('abort', () => {
      const { reason } = context.signal;
      if (reason !== stop.reason) call.abort(reason);
    });
    return deleteVectors(ids, { ...context, signal: call.signal });
  };
}

function formatReport({ deleted, spared, repaired, remaining, stopped }: PurgeReport): string {
  const parts = [
    `${count(deleted, 'id')} deleted`,
    ...(spared > 0 ? [`${count(spared, 'id')} in use again`] : []),
    ...(repaired > 0 ? [`${count(repaired, 'page')} made pending`] : []),
    ...(remaining === null ? [] : [`${count(remaining, 'row')} left in the queue`]),
    ...(stopped ? ['stopped'] : []),
  ];
  return parts.join(', ');
}
