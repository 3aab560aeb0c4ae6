import { originalDesign, originalTables } from './original.ts';
import { openSqlClient } from './sql-client.ts';
import { deletePages, insertDocuments, insertRows, sqlTable } from './sql-table.ts';

export const originalSql = originalDesign('plain SQL', {
  packages: ['postgres'],
  table: 'vectors',
  async connect(url) {
    const client = await openSqlClient(url);
    await client.run(originalTables);
    return {
      ...sqlTable(client),
      insertDocuments: (docIds) => insertDocuments(client, docIds),
      insertRows: (rows) => insertRows(client, rows, 'text'),
      deletePages: (docId) => deletePages(client, docId),
      close: client.close,
    };
  },
});
