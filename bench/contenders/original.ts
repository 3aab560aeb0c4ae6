import type { Contender, Session } from '../contender.ts';
import { type PageRow, type PageTable, partition, readWith } from './page-table.ts';

/** The design that the package replaces: a page's ids as JSON text, and an index on the document only. */
export const originalTables = `
  create table documents (id serial primary key);
  create table vectors (
    id serial primary key,
    doc_id integer not null references documents (id) on delete cascade,
    page integer not null,
    vector_ids text not null
  );
  create index ix_vectors_doc_id on vectors (doc_id);`;

export type OriginalRow = PageRow<string>;

/** About 4 MB per statement. */
const pagesPerStatement = 100;

/** A library connected to a database with these tables. */
export interface OriginalClient extends PageTable<string>, Pick<Session, 'close'> {
  insertDocuments(docIds: readonly number[]): Promise<unknown>;
  /** Inserts rows with one statement. */
  insertRows(rows: OriginalRow[]): Promise<unknown>;
  /** Deletes the rows of a document. */
  deletePages(docId: number): Promise<unknown>;
}

/** Makes a contender of the original design used with one library. */
export function originalDesign(
  library: string,
  {
    connect,
    ...details
  }: Pick<Contender, 'packages' | 'table'> & {
    /** Connects and creates the tables. */
    connect(url: string): Promise<OriginalClient>;
  },
): Contender {
  return {
    name: `original design (${library})`,
    layout: 'lists',
    designedFor: 'random',
    keepsOrder: true,
    cannot: { locate: 'it would have to read the JSON text of every page' },
    ...details,
    async open(url) {
      const client = await connect(url);
      return {
        ...readWith(client, JSON.parse),
        async addDocuments(docIds) {
          await client.insertDocuments(docIds);
        },
        async writePages(pages) {
          for (const part of partition(pages, pagesPerStatement)) {
            await client.insertRows(
              part.map(({ docId, page, vectorIds }) => ({
                docId,
                page,
                vectorIds: JSON.stringify(vectorIds),
              })),
            );
          }
        },
        async deleteDocument(docId) {
          await client.deletePages(docId);
        },
        close: () => client.close(),
      };
    },
  };
}
