import type { Contender } from '../contender.ts';
import { readWith } from './page-table.ts';
import { openSqlClient } from './sql-client.ts';
import { deletePages, insertDocuments, insertRows, sqlTable } from './sql-table.ts';

/** Plain SQL on the simplest table that does the job: a JSONB list per page, without an index of ids. */
export const sqlJsonbList: Contender = {
  name: 'plain SQL (JSONB list)',
  packages: ['postgres'],
  layout: 'lists',
  designedFor: 'random',
  keepsOrder: true,
  table: 'vectors',
  cannot: { locate: 'it has no index from an id to its page' },
  async open(url) {
    const client = await openSqlClient(url);
    await client.run(`
      create table documents (id serial primary key);
      create table vectors (
        id serial primary key,
        doc_id integer not null references documents (id) on delete cascade,
        page integer not null,
        vector_ids jsonb not null,
        unique (doc_id, page)
      );`);
    return {
      ...readWith(sqlTable<string[]>(client), (vectorIds) => vectorIds),
      addDocuments: (docIds) => insertDocuments(client, docIds),
      writePages(pages) {
        const rows = pages.map(({ vectorIds, ...key }) => ({
          ...key,
          vectorIds: JSON.stringify(vectorIds),
        }));
        return insertRows(client, rows, 'jsonb');
      },
      deleteDocument: (docId) => deletePages(client, docId),
      close: client.close,
    };
  },
};
