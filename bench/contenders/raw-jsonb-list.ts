import type { Contender } from '../contender.ts';
import { addDocuments, partsOf, readLists } from './list-rows.ts';
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
      async writePages(pages) {
        for (const part of partsOf(pages, pagesAStatement)) {
          await client.query(
            `insert into vectors (doc_id, page, vector_ids)
            select doc_id, page, vector_ids::jsonb
            from unnest($1::integer[], $2::integer[], $3::text[]) as given (doc_id, page, vector_ids)`,
            [
              part.map(({ docId }) => docId),
              part.map(({ page }) => page),
              part.map(({ vectorIds }) => JSON.stringify(vectorIds)),
            ],
          );
        }
      },
      close: client.close,
    };
  },
};
