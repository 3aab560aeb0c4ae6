import { encodeVectorIds, migrate, type VectorLocation } from '../../src/index.ts';
import type { BenchPage, BenchPageKey, Contender } from '../contender.ts';
import { addDocuments, partsOf, readLists } from './list-rows.ts';
import { openSqlClient } from './sql-client.ts';

/** 8 MB a statement at most, as the benchmark uses it. */
const pagesAStatement = 1_000;

/**
 * The floor: the driver alone on the package's own tables, indexes and triggers, with the same rows.
 *
 * It checks nothing, and takes what the column holds for the ids: right for random ids, whose rows are
 * plain lists.
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
          await client.query(
            `insert into vectors (doc_id, page, vector_ids)
            select doc_id, page, vector_ids::jsonb
            from unnest($1::integer[], $2::integer[], $3::text[]) as given (doc_id, page, vector_ids)`,
            [
              part.map(({ docId }) => docId),
              part.map(({ page }) => page),
              part.map(({ vectorIds }) => JSON.stringify(encodeVectorIds(vectorIds))),
            ],
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
