import { defineLedger } from 'colpali-vectors/schema';
import { pgSchema, text, uuid } from 'drizzle-orm/pg-core';

export const app = pgSchema('app');
export const files = app.table('files', {
  id: uuid().primaryKey().defaultRandom(),
  name: text().notNull(),
});

/** Two ledgers side by side, one for each model. */
export const colpali = defineLedger({ documents: files.id, schema: app });
export const colqwen = defineLedger({ documents: files.id, schema: app, name: 'pages_colqwen' });
export const { vectors, vectorOrphans } = colpali;
export const { vectors: pagesColqwen, vectorOrphans: pagesColqwenOrphans } = colqwen;
