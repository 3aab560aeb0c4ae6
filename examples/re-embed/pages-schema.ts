import { pgTable, text, uuid } from 'drizzle-orm/pg-core';
import { defineLedger } from '../../src/schema.ts';

export const files = pgTable('files', {
  id: uuid().primaryKey().defaultRandom(),
  name: text().notNull(),
});

export const colpali = defineLedger({ documents: files.id, name: 'pages_colpali' });
export const colqwen = defineLedger({ documents: files.id, name: 'pages_colqwen' });
export const { vectors: pagesColpali, vectorOrphans: pagesColpaliOrphans } = colpali;
export const { vectors: pagesColqwen, vectorOrphans: pagesColqwenOrphans } = colqwen;

/** One row: the collection that answers searches and receives new pages. */
export const serving = pgTable('serving', {
  collection: text({ enum: ['colpali', 'colqwen'] }).primaryKey(),
});
