import { once } from 'node:events';
import type { Command } from 'commander';
import { formatDocId } from '../errors.ts';
import { createVectorRepository } from '../repository.ts';
import { withDatabase } from './database.ts';
import { loadLedger, parseDocId } from './ledger-module.ts';
import { formatPageLine } from './page-line.ts';
import { reportNotFound } from './stderr.ts';
import { examples, globalOptions } from './usage.ts';

export function addExportCommand(program: Command): void {
  program
    .command('export')
    .summary('print pages as NDJSON')
    .description(
      'Prints pages as NDJSON, one page per line, ordered by document and page. The output shows the ledger at one point in time; "colpali-vectors import" reads it.',
    )
    .option('--document <docId>', 'export only this document')
    .addHelpText(
      'after',
      examples('colpali-vectors export > pages.ndjson', 'colpali-vectors export --document 7'),
    )
    .action(async ({ document }: { document?: string }) => {
      const { url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const docId = document === undefined ? undefined : parseDocId(document, ledger);
      await withDatabase(url, (db) =>
        db.transaction(
          async (tx) => {
            let pages = 0;
            for await (const page of createVectorRepository(tx, { ledger }).streamPages({
              docId,
            })) {
              if (!process.stdout.write(`${formatPageLine(page)}\n`)) {
                await once(process.stdout, 'drain');
              }
              pages += 1;
            }
            if (pages === 0 && docId !== undefined) {
              reportNotFound(`document ${formatDocId(docId)} has no recorded pages`);
            }
          },
          // Every batch of the stream sees the same snapshot.
          { isolationLevel: 'repeatable read', accessMode: 'read only' },
        ),
      );
    });
}
