import { type Command, Option } from 'commander';
import { type DocumentId, docIdAsJson } from '../document-id.ts';
import { createVectorRepository } from '../repository.ts';
import type { PageVectors } from '../schema.ts';
import { withDatabase } from './database.ts';
import { loadLedger, parseDocId } from './ledger-module.ts';
import { formatTable } from './output.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

/** The options of `pending`. */
interface PendingOptions {
  document?: string;
  olderThan?: number;
}

export function addPendingCommand(program: Command): void {
  program
    .command('pending')
    .summary('list the pages whose vectors are not in the vector store yet')
    .description(
      'Lists the pages that are recorded as pending. Their vectors are being written, or an ingest failed and has to be repeated.',
    )
    .option('--document <docId>', 'only pages of this document')
    .addOption(
      new Option(
        '--older-than <seconds>',
        'only pages that were recorded at least this long ago; an ingest may still be writing newer ones',
      ).argParser(parsePositiveInteger),
    )
    .addHelpText(
      'after',
      examples('colpali-vectors pending', 'colpali-vectors pending --older-than 3600 --json'),
    )
    .action(async ({ document, olderThan }: PendingOptions) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const docId = document === undefined ? undefined : parseDocId(document, ledger);
      const olderThanMs = olderThan === undefined ? undefined : olderThan * 1_000;
      const pages = await withDatabase(url, (db) =>
        createVectorRepository(db, { ledger }).findPending({ docId, olderThanMs }),
      );
      output.result(pages, () => (pages.length === 0 ? 'no pending pages' : formatPending(pages)));
    });
}

function formatPending(pages: readonly PageVectors<DocumentId>[]): string {
  return formatTable(
    pages.map(({ docId, page, vectorIds, recordedAt }) => ({
      document: docIdAsJson(docId),
      page,
      vectors: vectorIds.length,
      recorded: recordedAt.toISOString(),
    })),
  );
}
