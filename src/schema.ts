/**
 * The tables. `drizzle-kit generate` turns this file into migrations, services import it.
 *
 * Every constraint and index is named, with the name that PostgreSQL or the original Alembic
 * migration gave it: a fresh database and an adopted one end up the same.
 */
import { relations, type SQL, type SQLWrapper, sql } from 'drizzle-orm';
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
import { vectorIdsColumn } from './ids/runs.ts';

/**
 * How a page's vectors lie on it: vector `start + row * cols + col` is the patch at (row, col),
 * row-major from the top left.
 */
export interface PatchGrid {
  /** Patches from left to right. */
  cols: number;
  /** Patches from top to bottom. */
  rows: number;
  /** Position of the first patch among the page's vectors, from 0. */
  start: number;
}

/**
 * The documents of the host application, which owns this table and its other columns.
 *
 * Declared here with the one column the ledger refers to; the migrations create it only where there
 * is none, and never alter or drop it.
 */
export const documents = pgTable('documents', {
  id: serial('id').primaryKey(),
});

/**
 * Whether a page is one run of the ids that `patchVectorIds` computes for it.
 *
 * Such ids name their page: nobody needs an index to find it by them, and what a run of them may be is
 * known. The layout is `patchVectorId`'s; test/db/queries/own-ids.test.ts holds the two together.
 */
function isRunOfItsOwnIds(row: Record<'docId' | 'page' | 'vectorIds', SQLWrapper>): SQL {
  const page = sql`lpad(to_hex(${row.page}), 8, '0')`;
  return sql`(${row.docId} > 0 and ${row.vectorIds} -> 1 is null and ${row.vectorIds} -> 0 -> 'radix' = '16'
        and ${row.vectorIds} -> 0 ->> 'prefix' = lpad(to_hex(${row.docId}), 8, '0') || '-'
          || substr(${page}, 2, 4) || '-8' || substr(${page}, 6) || '-800' || left(${page}, 1) || '-000000000')`;
}

/** One row a page: which vectors in the vector store belong to it. */
export const vectors = pgTable(
  'vectors',
  {
    id: serial('id').primaryKey(),
    docId: integer('doc_id').notNull(),
    /** Pages count from 1. */
    page: integer('page').notNull(),
    /** `string[]` in patch order; stored as a JSON array of ids and runs, see `VectorIdRun`. */
    vectorIds: vectorIdsColumn('vector_ids').notNull(),
    /** Null where vectors do not stand for patches: pooled vectors, one id a page. */
    grid: jsonb('grid').$type<PatchGrid>(),
    /** When the page's vectors were in the vector store; null while they are still to be written. */
    indexedAt: timestamp('indexed_at', { withTimezone: true }).defaultNow(),
  },
  (table) => [
    foreignKey({
      name: 'vectors_doc_id_fkey',
      columns: [table.docId],
      foreignColumns: [documents.id],
    }).onDelete('cascade'),
    check('vectors_page_check', sql`${table.page} > 0`),
    check(
      'vectors_vector_ids_check',
      // Most rows by far, and checked in a third of the time that the general case takes: no regular
      // expressions. Any other is equal to itself after everything that is neither an id nor a run has been
      // left out.
      sql`(${isRunOfItsOwnIds(table)} and ${table.vectorIds} @? 'strict $[0] ? (@.from == "000"
          && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0)') is true
        or jsonb_path_query_array(${table.vectorIds}, '$[*] ? (@.type() == "string" || (
        @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
        && @.count >= 1 && @.count % 1 == 0
        && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
             && @.from.double() + @.count <= 10000)
            || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
                && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))') = ${table.vectorIds}`,
    ),
    index('ix_vectors_doc_id').on(table.docId),
    uniqueIndex('ix_vectors_doc_page').on(table.docId, table.page),
    // From an id to its page, but for ids that name it: the function vectors_holding, which repeats the
    // condition. jsonb_path_ops: one entry an id or run prefix, half the size of the default. Without
    // fastupdate: its list of pending entries would be read through for every id looked up.
    index('ix_vectors_vector_ids')
      .using('gin', table.vectorIds.op('jsonb_path_ops'))
      .with({ fastupdate: 'off' })
      .where(sql`${isRunOfItsOwnIds(table)} is not true`),
  ],
);

/**
 * Ids that a page had when it was deleted or recorded anew, for `purgeOrphans` to delete from the vector
 * store. Some may be live again, on this page or another: the purge spares those.
 *
 * Filled by triggers on `vectors`, so that no way of deleting a page loses its ids. No foreign key:
 * the document is usually gone.
 */
export const vectorOrphans = pgTable(
  'vector_orphans',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    docId: integer('doc_id').notNull(),
    page: integer('page').notNull(),
    vectorIds: vectorIdsColumn('vector_ids').notNull(),
    orphanedAt: timestamp('orphaned_at', { withTimezone: true }).notNull().defaultNow(),
  },
  (table) => [index('ix_vector_orphans_doc_page').on(table.docId, table.page)],
);

/**
 * One row a vector, runs expanded: what `vectors` says, for SQL and for Drizzle Studio.
 *
 * The counting stands inside the lateral subquery, per page: over the whole view it would keep a
 * condition on doc_id and page from reaching the table.
 */
export const vectorPatches = pgView('vector_patches', {
  docId: integer('doc_id').notNull(),
  page: integer('page').notNull(),
  /** Position among the page's vectors, from 0. */
  patch: integer('patch').notNull(),
  vectorId: text('vector_id').notNull(),
}).as(sql`
  select v.doc_id, v.page, expanded.patch, expanded.vector_id
  from vectors v
  cross join lateral (
    select
      (row_number() over (order by element.position, tail.value) - 1)::integer as patch,
      case
        when run.count is null then element.value #>> '{}'
        -- lpad cuts what is longer: pad to the longer of the two.
        else run.prefix || lpad(digits.value, greatest(length(run.from_tail), length(digits.value)), '0')
      end as vector_id
    from jsonb_array_elements(v.vector_ids) with ordinality as element (value, position)
    cross join lateral (
      select
        element.value ->> 'prefix' as prefix,
        element.value ->> 'from' as from_tail,
        (element.value ->> 'count')::numeric::integer as count,
        element.value -> 'radix' = '16' as hexadecimal
    ) as run
    cross join lateral (
      select case
        when run.hexadecimal then ('x' || lpad(run.from_tail, 8, '0'))::bit(32)::integer
        else run.from_tail::integer
      end as value
    ) as first
    cross join lateral generate_series(
      coalesce(first.value, 0), coalesce(first.value + run.count - 1, 0)
    ) as tail (value)
    cross join lateral (
      select case when run.hexadecimal then to_hex(tail.value) else tail.value::text end as value
    ) as digits
  ) as expanded`);

export const documentsRelations = relations(documents, ({ many }) => ({
  vectors: many(vectors),
}));

export const vectorsRelations = relations(vectors, ({ one }) => ({
  document: one(documents, { fields: [vectors.docId], references: [documents.id] }),
}));

export type Document = typeof documents.$inferSelect;
/** A recorded page: ids in patch order; `grid` null without patches; `indexedAt` null while pending. */
export type PageVectors = typeof vectors.$inferSelect;
export type VectorOrphan = typeof vectorOrphans.$inferSelect;
/** One vector: `patch` is its position among the page's vectors, from 0. */
export type VectorPatch = typeof vectorPatches.$inferSelect;
