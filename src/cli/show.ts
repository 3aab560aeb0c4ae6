import type { Command } from 'commander';
import type { DocumentId } from '../document-id.ts';
import { formatDocId } from '../errors.ts';
import { createVectorRepository } from '../repository.ts';
import type { PageVectors } from '../schema.ts';
import { withDatabase } from './database.ts';
import { loadLedger, parseDocId } from './ledger-module.ts';
import { formatTable } from './output.ts';
import { reportNotFound } from './stderr.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

export function addShowCommand(program: Command): void {
  program
    .command('show')
    .summary('list the pages of a document, or the vector ids of a page')
    .description(
      'Lists the pages of a document. With a page number, lists the vector ids of that page.',
    )
    .argument('<docId>', 'id of the document')
    .argument('[page]', 'page number, starting at 1', parsePositiveInteger)
    .addHelpText('after', examples('colpali-vectors show 7', 'colpali-vectors show 7 3 --json'))
    .action(async (document: string, page: number | undefined) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const docId = parseDocId(document, ledger);
      await withDatabase(url, async (db) => {
        const repository = createVectorRepository(db, { ledger });
        if (page === undefined) {
          const pages = await repository.findByDocument(docId);
          if (pages.length === 0)
            reportNotFound(`document ${formatDocId(docId)} has no recorded pages`);
          else output.result(pages, () => formatPages(pages));
        } else {
          const found = await repository.findByPage(docId, page);
          if (found === undefined) {
            reportNotFound(`page ${page} of document ${formatDocId(docId)} is not recorded`);
          } else {
            output.result(found, () => formatPage(found));
          }
        }
      });
    });
}

function formatPages(pages: readonly PageVectors<DocumentId>[]): string {
  return formatTable(
    pages.map(({ page, vectorIds, grid, indexedAt }) => ({
      page,
      vectors: vectorIds.length,
      grid: grid === null ? '-' : `${grid.cols} x ${grid.rows} from ${grid.start}`,
      indexed: indexedAt?.toISOString() ?? 'pending',
      'first id': vectorIds[0] ?? '-',
      'last id': vectorIds.at(-1) ?? '-',
    })),
  );
}

function formatPage({ docId, page, vectorIds }: PageVectors<DocumentId>): string {
  if (vectorIds.length === 0)
    return `page ${page} of document ${formatDocId(docId)} has no vectors`;
  return formatTable(vectorIds.map((id, patch) => ({ patch, 'vector id': id })));
}
