import type { Command } from 'commander';
import { type DocumentId, docIdAsJson } from '../document-id.ts';
import type { VectorLocation } from '../ledger/locate.ts';
import { createVectorRepository } from '../repository.ts';
import { withDatabase } from './database.ts';
import { loadLedger } from './ledger-module.ts';
import { formatTable } from './output.ts';
import { safeValue } from './safe-text.ts';
import { reportNotFound } from './stderr.ts';
import { examples, globalOptions } from './usage.ts';

export function addLocateCommand(program: Command): void {
  program
    .command('locate')
    .summary('find the document, page and patch of vector ids')
    .description('Finds the document, page and patch that each vector id belongs to.')
    .argument('<id...>', 'vector ids as they are in the vector store')
    .addHelpText('after', examples('colpali-vectors locate 00000007-0000-8003-8000-000000000029'))
    .action(async (ids: string[]) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const locations = await withDatabase(url, (db) =>
        createVectorRepository(db, { ledger }).locate(ids),
      );
      const found = locations.flatMap((location) => location ?? []);
      if (output.json || found.length > 0) {
        const orNull = locations.map((location) => location ?? null);
        output.result(orNull, () => formatLocations(found));
      }
      ids.forEach((id, position) => {
        if (locations[position] === undefined)
          reportNotFound(`no page has the vector id ${safeValue(id)}`);
      });
    });
}

function formatLocations(locations: readonly VectorLocation<DocumentId>[]): string {
  return formatTable(
    locations.map(({ vectorId, docId, page, patch }) => ({
      document: docIdAsJson(docId),
      page,
      patch,
      'vector id': vectorId,
    })),
  );
}
