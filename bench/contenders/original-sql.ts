import type { Contender } from '../contender.ts';
import { addDocuments, inOrderOf, insertRows } from './list-rows.ts';
import {
  type OriginalRow,
  originalDesign,
  originalPagesAStatement,
  originalTables,
  parseOriginalRow,
  toOriginalRow,
} from './original.ts';
import { openSqlClient } from './sql-client.ts';

const columns = 'doc_id as "docId", page, vector_ids as "vectorIds"';

/** The original design in SQL by hand. */
export const originalSql: Contender = {
  ...originalDesign,
  name: 'original design, SQL',
  packages: ['postgres'],
  table: 'vectors',
  async open(url) {
    const client = await openSqlClient(url);
    await client.run(originalTables);
    return {
      addDocuments: addDocuments(client),
      writePages: (pages) =>
        insertRows(client, pages.map(toOriginalRow), {
          rowsAStatement: originalPagesAStatement,
          type: 'text',
        }),
      async findByPage(docId, page) {
        const rows = await client.query<OriginalRow>(
          `select ${columns} from vectors where doc_id = $1 and page = $2`,
          [docId, page],
        );
        return rows.flatMap((row) => parseOriginalRow(row).vectorIds);
      },
      async findByDocument(docId) {
        const rows = await client.query<OriginalRow>(
          `select ${columns} from vectors where doc_id = $1 order by page`,
          [docId],
        );
        return rows.map((row) => parseOriginalRow(row).vectorIds);
      },
      async findByPages(keys) {
        const rows = await client.query<OriginalRow>(
          `select ${columns} from vectors
          where (doc_id, page) in (select * from unnest($1::integer[], $2::integer[]))`,
          [keys.map(({ docId }) => docId), keys.map(({ page }) => page)],
        );
        return inOrderOf(keys, rows.map(parseOriginalRow));
      },
      close: client.close,
    };
  },
};
