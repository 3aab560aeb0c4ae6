import { type Command, Option } from 'commander';
import { createVectorRepository } from '../repository.ts';
import type { PageVectors } from '../schema.ts';
import { withDatabase } from './database.ts';
import { formatTable } from './output.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

/** The options of `pending`. */
interface PendingOptions {
  document?: number;
  olderThan?: number;
}

export function addPendingCommand(program: Command): void {
  program
    .command('pending')
    .summary('list the pages whose vectors are not in the vector store yet')
    .description(
      'Lists the pages that are recorded as pending. Their vectors are being written, or an ingest failed and has to be repeated.',
    )
    .addOption(
      new Option('--document <docId>', 'only pages of this document').argParser(
        parsePositiveInteger,
      ),
    )
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
    .action(async ({ document: docId, olderThan }: PendingOptions) => {
      const { output, url } = globalOptions(program);
      const olderThanMs = olderThan === undefined ? undefined : olderThan * 1_000;
      const pages = await withDatabase(url, (db) =>
        createVectorRepository(db).findPending({ docId, olderThanMs }),
      );
      output.result(pages, () => (pages.length === 0 ? 'no pending pages' : formatPending(pages)));
    });
}

function formatPending(pages: readonly PageVectors[]): string {
  return formatTable(
    pages.map(({ docId, page, vectorIds, recordedAt }) => ({
      document: docId,
      page,
      vectors: vectorIds.length,
      recorded: recordedAt.toISOString(),
    })),
  );
}
