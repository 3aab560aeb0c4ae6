import { PostgresRecordManager } from '@langchain/community/indexes/postgres';
import type { BenchPageKey, Contender } from '../../contender.ts';
import { partsOf } from '../list-rows.ts';

/** Four parameters an id: sixteen thousand ids a statement, of the 65 535 parameters that it may have. */
const idsAStatement = 16_000;

const groupOf = ({ docId, page }: BenchPageKey) => `${docId}/${page}`;

/** LangChain.js's record manager: a row an id, and the page as its group. */
export const langchain: Contender = {
  name: 'LangChain.js PostgresRecordManager',
  packages: ['@langchain/community', '@langchain/core', 'pg'],
  stores: 'rows',
  designedFor: 'random',
  keepsOrder: false,
  table: 'upsertion_records',
  cannot: {
    findByDocument: 'it gives the ids of groups without saying which id is of which group',
    locate: 'it does not give the group of an id',
  },
  async open(url) {
    const manager = new PostgresRecordManager('colpali', {
      postgresConnectionOptions: { connectionString: url },
    });
    await manager.createSchema();
    const listPage = (key: BenchPageKey) => manager.listKeys({ groupIds: [groupOf(key)] });
    return {
      async addDocuments() {},
      async writePages(pages) {
        const records = pages.flatMap((page) =>
          page.vectorIds.map((id) => ({ id, group: groupOf(page) })),
        );
        for (const part of partsOf(records, idsAStatement)) {
          await manager.update(
            part.map(({ id }) => id),
            { groupIds: part.map(({ group }) => group) },
          );
        }
      },
      findByPage: (docId, page) => listPage({ docId, page }),
      // A query a page, over the connections of its pool: a query of them all would mix their ids.
      findByPages: (keys) => Promise.all(keys.map(listPage)),
      close: () => manager.end(),
    };
  },
};
