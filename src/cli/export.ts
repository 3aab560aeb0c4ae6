import { once } from 'node:events';
import type { Command } from 'commander';
import { createVectorRepository } from '../repository.ts';
import { withDatabase } from './database.ts';
import { formatPageLine } from './page-line.ts';
import { reportNotFound } from './stderr.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .summary('print pages as NDJSON')
    .description(
      'Prints pages as NDJSON, one page per line, ordered by document and page. The output shows the ledger at one point in time; "colpali-vectors import" reads it.',
    )
    .option('--document <docId>', 'export only this document', parsePositiveInteger)
    .addHelpText(
      'after',
      examples('colpali-vectors export > pages.ndjson', 'colpali-vectors export --document 7'),
    )
    .action(async ({ document: docId }: { document?: number }) => {
      const { url } = globalOptions(program);
      await withDatabase(url, (db) =>
        db.transaction(
          async (tx) => {
            let pages = 0;
            for await (const page of createVectorRepository(tx).streamPages({ docId })) {
              if (!process.stdout.write(`${formatPageLine(page)}\n`)) {
                await once(process.stdout, 'drain');
              }
              pages += 1;
            }
            if (pages === 0 && docId !== undefined) {
              reportNotFound(`document ${docId} has no recorded pages`);
            }
          },
          // Every batch of the stream sees the same snapshot.
          { isolationLevel: 'repeatable read', accessMode: 'read only' },
        ),
      );
    });
}
