import { encodeVectorIds, migrate, type VectorLocation } from '../../src/index.ts';
import type { BenchPage, BenchPageKey, Contender } from '../contender.ts';
import { addDocuments, partsOf, readLists } from './list-rows.ts';
import { openSqlClient } from './sql-client.ts';

/** 8 MB a statement at most, as the benchmark uses it. */
const pagesAStatement = 1_000;

/**
 * The driver alone on the package's own tables, indexes and triggers, with the same rows, written by the
 * same kind of statement.
 *
 * It checks nothing, and takes what the column holds for the ids: right for random ids, whose rows are
 * plain lists. Computed ids it encodes as any others: the package knows those again that it computed.
 */
export const rawSameRows: Contender = {
  name: 'driver by hand, same rows',
  packages: ['postgres'],
  stores: 'runs',
  designedFor: 'computed',
  keepsOrder: true,
  cannot: { computedIds: 'its rows hold runs, which only the package reads' },
  async open(url) {
    await migrate({ url });
    const client = await openSqlClient(url);
    return {
      ...readLists(client),
      addDocuments: addDocuments(client),
      async writePages(pages) {
        for (const part of partsOf(pages, pagesAStatement)) {
          const rows = part.map(({ docId, page, vectorIds }) => ({
            doc_id: docId,
            page,
            vector_ids: encodeVectorIds(vectorIds),
          }));
          await client.query(
            `insert into vectors (doc_id, page, vector_ids)
            select doc_id, page, vector_ids
            from jsonb_to_recordset($1::text::jsonb)
              as given (doc_id integer, page integer, vector_ids jsonb)`,
            [JSON.stringify(rows)],
          );
        }
      },
      async locate(vectorIds) {
        const pages = await client.query<BenchPageKey & Pick<BenchPage, 'vectorIds'>>(
          `select vectors.doc_id as "docId", vectors.page, vectors.vector_ids as "vectorIds"
          from (select distinct doc_id, page from vectors_holding($1::text::jsonb)) as found
          join vectors using (doc_id, page)`,
          [JSON.stringify(vectorIds)],
        );
        const wanted = new Set(vectorIds);
        const found = new Map<string, VectorLocation>();
        for (const { docId, page, vectorIds: ids } of pages) {
          ids.forEach((vectorId, patch) => {
            if (wanted.has(vectorId)) found.set(vectorId, { vectorId, docId, page, patch });
          });
        }
        return vectorIds.map((id) => found.get(id));
      },
      close: client.close,
    };
  },
};
