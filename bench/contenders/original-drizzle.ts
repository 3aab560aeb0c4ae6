import { and, asc, eq, or, sql } from 'drizzle-orm';
import { index, integer, pgTable, serial, text } from 'drizzle-orm/pg-core';
import { openDatabase } from '../../src/index.ts';
import type { Contender } from '../contender.ts';
import { inOrderOf, partsOf } from './list-rows.ts';
import {
  originalDesign,
  originalPagesAStatement,
  originalTables,
  parseOriginalRow,
  toOriginalRow,
} from './original.ts';

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

/** The original design on Drizzle, opened as the package opens it. */
export const originalDrizzle: Contender = {
  ...originalDesign,
  name: 'original design, Drizzle',
  packages: ['drizzle-orm', 'postgres'],
  async open(url) {
    const { db, close } = await openDatabase(url);
    for (const statement of originalTables.split(';').filter((text) => text.trim() !== '')) {
      await db.execute(sql.raw(statement));
    }
    return {
      async addDocuments(docIds) {
        await db.insert(documents).values(docIds.map((id) => ({ id })));
      },
      async writePages(pages) {
        for (const part of partsOf(pages, originalPagesAStatement)) {
          await db.insert(vectors).values(part.map(toOriginalRow));
        }
      },
      async findByPage(docId, page) {
        const rows = await db
          .select()
          .from(vectors)
          .where(and(eq(vectors.docId, docId), eq(vectors.page, page)));
        return rows.flatMap((row) => parseOriginalRow(row).vectorIds);
      },
      async findByDocument(docId) {
        const rows = await db
          .select()
          .from(vectors)
          .where(eq(vectors.docId, docId))
          .orderBy(asc(vectors.page));
        return rows.map((row) => parseOriginalRow(row).vectorIds);
      },
      async findByPages(keys) {
        const rows = await db
          .select()
          .from(vectors)
          .where(
            or(...keys.map((key) => and(eq(vectors.docId, key.docId), eq(vectors.page, key.page)))),
          );
        return inOrderOf(keys, rows.map(parseOriginalRow));
      },
      close,
    };
  },
};
