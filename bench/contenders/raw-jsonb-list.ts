import type { Contender } from '../contender.ts';
import { addDocuments, insertRows, readLists } from './list-rows.ts';
import { openSqlClient } from './sql-client.ts';

/** Some 4 MB a statement. */
const pagesAStatement = 100;

/**
 * The driver alone on the plainest table that does the job: a JSONB list a page, found by document and
 * page, and by nothing else.
 */
export const rawJsonbList: Contender = {
  name: 'driver by hand, JSONB list',
  packages: ['postgres'],
  stores: 'lists',
  designedFor: 'random',
  keepsOrder: true,
  table: 'vectors',
  cannot: { locate: 'no index leads from an id to its page' },
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
      ...readLists(client),
      addDocuments: addDocuments(client),
      writePages: (pages) =>
        insertRows(
          client,
          pages.map(({ vectorIds, ...key }) => ({ ...key, vectorIds: JSON.stringify(vectorIds) })),
          { rowsAStatement: pagesAStatement, type: 'jsonb' },
        ),
      close: client.close,
    };
  },
};
