import { PostgresRecordManager } from '@langchain/community/indexes/postgres';
import type { BenchPageKey, Contender } from '../../contender.ts';
import { partition } from '../page-table.ts';
import { openPool } from './pool.ts';

/** An id needs four parameters, and a statement can have 65,535. */
const idsPerStatement = 16_000;

const groupOf = ({ docId, page }: BenchPageKey) => `${docId}/${page}`;

/** LangChain.js's record manager: a row per id, whose group is the page. */
export const langchain: Contender = {
  name: 'LangChain.js PostgresRecordManager',
  packages: ['@langchain/community', '@langchain/core', 'pg'],
  layout: 'rows',
  designedFor: 'random',
  keepsOrder: false,
  table: 'upsertion_records',
  cannot: {
    findByDocument:
      'it returns the ids of all pages in one list, and does not say which page each belongs to',
    locate: 'it cannot return the page of an id',
    deleteDocument: 'it deletes single ids only',
  },
  async open(url) {
    const pool = openPool(url);
    const manager = new PostgresRecordManager('colpali', { pool });
    await manager.createSchema();
    const listPage = (key: BenchPageKey) => manager.listKeys({ groupIds: [groupOf(key)] });
    return {
      async addDocuments() {},
      async writePages(pages) {
        const records = pages.flatMap((page) =>
          page.vectorIds.map((id) => ({ id, group: groupOf(page) })),
        );
        for (const part of partition(records, idsPerStatement)) {
          await manager.update(
            part.map(({ id }) => id),
            { groupIds: part.map(({ group }) => group) },
          );
        }
      },
      findByPage: (docId, page) => listPage({ docId, page }),
      // One query per page, on the connections of its pool: a single query would mix the pages' ids.
      findByPages: (keys) => Promise.all(keys.map(listPage)),
      close: () => manager.end(),
    };
  },
};
