/**
 * The tables. `drizzle-kit generate` turns this file into migrations, and services import it.
 *
 * The checks on `vector_ids`, the index on `vector_ids`, the view's query and the triggers are not in this file. They use
 * the ledger's functions, so the migrations create them in SQL: drizzle/0001_jsonb_ledger.sql and
 * 0002_orphan_triggers.sql.
 *
 * Every constraint and index has the name that PostgreSQL or the original Alembic migration gave it, so a
 * new database and one that Alembic made end up the same.
 */
import { relations, sql } from 'drizzle-orm';
import {
  bigserial,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  pgTable,
  pgView,
  serial,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import type { DocumentId } from './document-id.ts';
import { vectorIdsColumn } from './ids/column.ts';
import type { PatchGrid } from './page/grid.ts';

export { defineLedger, type Ledger } from './define-ledger.ts';
export type { PatchGrid } from './page/grid.ts';

/**
 * The documents of the host application. The table and its other columns belong to the host.
 *
 * The ledger only needs `id`. The migrations create the table if it does not exist, and never alter or
 * drop it.
 */
export const documents = pgTable('documents', {
  id: serial('id').primaryKey(),
});

/** Which vectors in the vector store belong to each page. One row per page. */
export const vectors = pgTable(
  'vectors',
  {
    id: serial('id').primaryKey(),
    docId: integer('doc_id').notNull(),
    /** Pages count from 1. */
    page: integer('page').notNull(),
    /** The page's vector ids, in patch order. Stored as a JSON array of ids, runs and packs, see `StoredVectorId`. */
    vectorIds: vectorIdsColumn('vector_ids').notNull(),
    /** How the vectors cover the page. Null if it is unknown, or if the vectors are not patches. */
    grid: jsonb('grid').$type<PatchGrid>(),
    /** Where the vectors are in the vector store, if it keeps a namespace or collection per tenant. */
    namespace: text('namespace'),
    /** When these ids were recorded. */
    recordedAt: timestamp('recorded_at', { withTimezone: true }).notNull().defaultNow(),
    /** When the page was marked as indexed. Null while its vectors are still being written to the vector store. */
    indexedAt: timestamp('indexed_at', { withTimezone: true }).defaultNow(),
    /** Grows each time the page is recorded. With `id`, it tells one recording of the page from another. */
    revision: integer('revision').notNull().default(1),
  },
  (table) => [
    foreignKey({
      name: 'vectors_doc_id_fkey',
      columns: [table.docId],
      foreignColumns: [documents.id],
    }).onDelete('cascade'),
    check('vectors_page_check', sql`${table.page} > 0`),
    // The fields that every grid has. Later versions may add fields.
    check(
      'vectors_grid_check',
      sql`${table.grid} is null or (${table.grid} @? 'strict $ ? (@.cols >= 1 && @.rows >= 1 && @.start >= 0
        && @.cols % 1 == 0 && @.rows % 1 == 0 && @.start % 1 == 0)'::jsonpath) is true`,
    ),
    index('ix_vectors_doc_id').on(table.docId),
    uniqueIndex('ix_vectors_doc_page').on(table.docId, table.page),
    index('ix_vectors_pending').on(table.docId, table.page).where(sql`${table.indexedAt} is null`),
  ],
);

/**
 * Ids that a page had before it was deleted or recorded again. `purgeOrphans` deletes them from the vector
 * store, except ids that a page uses again.
 *
 * Triggers on `vectors` fill this table, so no ids are lost, however a page is deleted. There is no foreign
 * key, because the document is usually deleted too.
 */
export const vectorOrphans = pgTable(
  'vector_orphans',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    /** The page that had the ids. Null for strays: ids that an audit found and that belong to no page. */
    docId: integer('doc_id'),
    page: integer('page'),
    vectorIds: vectorIdsColumn('vector_ids').notNull(),
    /** The number of ids. */
    vectorCount: integer('vector_count').notNull(),
    /** The namespace of the page that had the ids. */
    namespace: text('namespace'),
    orphanedAt: timestamp('orphaned_at', { withTimezone: true }).notNull().defaultNow(),
    /** How many purges have tried to delete the ids. */
    attempts: integer('attempts').notNull().default(0),
    /** When the last purge tried. */
    triedAt: timestamp('tried_at', { withTimezone: true }),
    /** When the next purge may try. */
    dueAt: timestamp('due_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [
    index('ix_vector_orphans_doc_page').on(table.docId, table.page),
    index('ix_vector_orphans_due').on(table.dueAt, table.id),
  ],
);

/** The vectors of all pages, one row per vector, for your own SQL and for Drizzle Studio. */
export const vectorPatches = pgView('vector_patches', {
  docId: integer('doc_id').notNull(),
  page: integer('page').notNull(),
  /** The vector's position among the page's vectors, from 0. */
  patch: integer('patch').notNull(),
  vectorId: text('vector_id').notNull(),
}).existing();

export const documentsRelations = relations(documents, ({ many }) => ({
  vectors: many(vectors),
}));

export const vectorsRelations = relations(vectors, ({ one }) => ({
  document: one(documents, { fields: [vectors.docId], references: [documents.id] }),
}));

/** A row of `documents`. */
export type Document = typeof documents.$inferSelect;
/** A recorded page. Its ids are in patch order; `indexedAt` is null while the page is pending. */
export type PageVectors<DocId extends DocumentId = number> = WithDocId<
  typeof vectors.$inferSelect,
  DocId
>;
/** A row of `vector_orphans`. */
export type VectorOrphan<DocId extends DocumentId = number> = WithDocId<
  typeof vectorOrphans.$inferSelect,
  DocId | null
>;
/** A row of `vector_patches`: one vector of a page. */
export type VectorPatch<DocId extends DocumentId = number> = WithDocId<
  typeof vectorPatches.$inferSelect,
  DocId
>;

/** The row with another type of `docId`. */
type WithDocId<Row, DocId> = { [Key in keyof Row]: Key extends 'docId' ? DocId : Row[Key] };
