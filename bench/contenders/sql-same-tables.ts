import {
  decodeVectorIds,
  encodeVectorIds,
  migrate,
  type StoredVectorId,
  type VectorLocation,
} from '../../src/index.ts';
import type { Contender } from '../contender.ts';
import { type PageRow, partition, readWith } from './page-table.ts';
import { openSqlClient } from './sql-client.ts';
import { deletePages, insertDocuments, sqlTable } from './sql-table.ts';

/** At most 8 MB per statement, with lists of ids. */
const pagesPerStatement = 1_000;

/**
 * Plain SQL on the package's own tables, indexes and triggers: what the package adds to the statements.
 *
 * It validates nothing. It encodes a list of patch ids, where the package records their number.
 */
export const sqlSameTables: Contender = {
  name: 'plain SQL (same tables)',
  packages: ['postgres'],
  layout: 'runs',
  designedFor: 'patch',
  keepsOrder: true,
  cannot: { readPatchIds: 'it finds only ids that are in the index' },
  async open(url) {
    await migrate({ url });
    const client = await openSqlClient(url);
    return {
      ...readWith(sqlTable<StoredVectorId[]>(client), decodeVectorIds),
      addDocuments: (docIds) => insertDocuments(client, docIds),
      async writePages(pages) {
        for (const part of partition(pages, pagesPerStatement)) {
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
        const pages = await client.query<PageRow<StoredVectorId[]>>(
          `select vectors.doc_id as "docId", vectors.page, vectors.vector_ids as "vectorIds"
          from (select distinct doc_id, page from vectors_holding($1::text::jsonb)) as found
          join vectors using (doc_id, page)`,
          [JSON.stringify(vectorIds)],
        );
        const wanted = new Set(vectorIds);
        const found = new Map<string, VectorLocation>();
        for (const { docId, page, vectorIds: stored } of pages) {
          decodeVectorIds(stored).forEach((vectorId, patch) => {
            if (wanted.has(vectorId)) found.set(vectorId, { vectorId, docId, page, patch });
          });
        }
        return vectorIds.map((id) => found.get(id));
      },
      deleteDocument: (docId) => deletePages(client, docId),
      close: client.close,
    };
  },
};
