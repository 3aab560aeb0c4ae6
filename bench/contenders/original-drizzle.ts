import { and, asc, eq, or, sql } from 'drizzle-orm';
import { index, integer, pgTable, serial, text } from 'drizzle-orm/pg-core';
import { openDatabase } from '../../src/index.ts';
import { originalDesign, originalTables } from './original.ts';

const documents = pgTable('documents', { id: serial('id').primaryKey() });

const vectors = pgTable(
  'vectors',
  {
    id: serial('id').primaryKey(),
    docId: integer('doc_id')
      .notNull()
      .references(() => documents.id, { onDelete: 'cascade' }),
    page: integer('page').notNull(),
    vectorIds: text('vector_ids').notNull(),
  },
  (table) => [index('ix_vectors_doc_id').on(table.docId)],
);

/** Uses the same connection as the package. */
export const originalDrizzle = originalDesign('Drizzle', {
  packages: ['drizzle-orm', 'postgres'],
  async connect(url) {
    const { db, close } = await openDatabase(url);
    // PGlite runs one statement per call.
    for (const statement of originalTables.split(';').filter((part) => part.trim() !== '')) {
      await db.execute(sql.raw(statement));
    }
    return {
      insertDocuments: (docIds) => db.insert(documents).values(docIds.map((id) => ({ id }))),
      insertRows: (rows) => db.insert(vectors).values(rows),
      selectPage: (docId, page) =>
        db
          .select()
          .from(vectors)
          .where(and(eq(vectors.docId, docId), eq(vectors.page, page))),
      selectDocument: (docId) =>
        db.select().from(vectors).where(eq(vectors.docId, docId)).orderBy(asc(vectors.page)),
      selectPages: (keys) =>
        db
          .select()
          .from(vectors)
          .where(
            or(...keys.map((key) => and(eq(vectors.docId, key.docId), eq(vectors.page, key.page)))),
          ),
      deletePages: (docId) => db.delete(vectors).where(eq(vectors.docId, docId)),
      close,
    };
  },
});
