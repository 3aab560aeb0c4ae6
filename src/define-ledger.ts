import { getTableName, is, sql } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  type ConvertCustomConfig,
  check,
  foreignKey,
  index,
  integer,
  jsonb,
  type PgColumn,
  PgColumn as PgColumnClass,
  type PgCustomColumnBuilder,
  type PgSchema,
  type PgTable,
  type PgTableFn,
  pgTable,
  pgView,
  serial,
  text,
  timestamp,
  uniqueIndex,
  uuid,
} from 'drizzle-orm/pg-core';
import type { DocumentId, KeyType } from './document-id.ts';
import { InvalidInputError } from './errors.ts';
import { vectorIdsColumn } from './ids/column.ts';
import type { PatchGrid } from './page/grid.ts';
import { requireObject } from './require.ts';

/**
 * The tables of a ledger, and the host's documents that they belong to.
 *
 * @typeParam DocId - The type of a document's id.
 * @typeParam Name - The name of the table `vectors`.
 */
export interface Ledger<DocId extends DocumentId = number, Name extends string = string> {
  /** The name of the table `vectors`. The names of the ledger's other objects are made from it. */
  name: Name;
  /** The type of `doc_id`. */
  keyType: KeyType;
  /** The host's table. */
  documents: PgTable;
  /** The column of the host's table that `doc_id` refers to. */
  documentId: PgColumn;
  vectors: VectorsTable<DocId, Name>;
  vectorOrphans: OrphansTable<DocId, Name>;
  /** A view of `vectors` with one row per vector. */
  vectorPatches: PatchesView<DocId, Name>;
}

export type VectorsTable<DocId extends DocumentId, Name extends string = string> = ReturnType<
  typeof vectorsTable<DocId, Name>
>;
export type OrphansTable<DocId extends DocumentId, Name extends string = string> = ReturnType<
  typeof orphansTable<DocId, OrphansName<Name>>
>;
export type PatchesView<DocId extends DocumentId, Name extends string = string> = ReturnType<
  typeof patchesView<DocId, PatchesName<Name>>
>;

type OrphansName<Name extends string> = Name extends 'vectors'
  ? 'vector_orphans'
  : `${Name}_orphans`;
type PatchesName<Name extends string> = Name extends 'vectors'
  ? 'vector_patches'
  : `${Name}_patches`;

/** The type of a column's values. */
type DocIdOf<Column extends PgColumn> = Column['_']['data'] & DocumentId;

/** The longest name of a ledger. With the longest suffix, it fits into the 63 bytes of a PostgreSQL name. */
const maxNameLength = 38;

/**
 * Defines a ledger for a table of documents with any name, in any schema, with an integer, bigint, uuid or text key.
 *
 * Export its tables from your Drizzle schema, so that `drizzle-kit generate` creates them. Then create its functions
 * and triggers with `installLedger` or with the SQL of `ledgerSql`. A database can have several ledgers, for example
 * one per collection of the vector store. Each has its own queue of orphans.
 *
 * @param options.documents - The key of your documents: `files.id`. It must be a primary key or unique.
 * @param options.name - The name of the table `vectors`: at most 38 lower-case letters, digits and underscores. It must
 *   not be `vector`, because its queue would then have the name of the queue of `vectors`. It must not look like an index,
 *   a queue or a view of another ledger: `ix_...`, `..._orphans`, `..._patches`. {@defaultValue 'vectors'}
 * @param options.schema - The schema of the tables. {@defaultValue the connection's first schema}
 * @throws {InvalidInputError} `documents` is not a column of one of these types, or `name` is not valid.
 * @example
 * export const ledger = defineLedger({ documents: files.id, name: 'pages_colqwen' });
 * export const { vectors, vectorOrphans } = ledger;
 *
 * const repository = createVectorRepository(db, { ledger });
 */
export function defineLedger<
  Column extends PgColumn,
  const Name extends string = 'vectors',
>(options: {
  documents: Column;
  name?: Name | undefined;
  schema?: PgSchema | undefined;
}): Ledger<DocIdOf<Column>, Name> {
  requireObject(options, ['options']);
  const { documents, name = 'vectors' as Name, schema } = options;
  const keyType = keyTypeOf(documents);
  requireName(name, getTableName(documents.table));
  const prefix = name === 'vectors' ? 'vector' : name;
  const docId = () => docIdColumn<DocIdOf<Column>>(keyType, documents);
  const table = (schema?.table ?? pgTable) as PgTableFn;
  const view = (schema?.view ?? pgView) as typeof pgView;
  const ledger: Ledger<DocIdOf<Column>, Name> = {
    name,
    keyType,
    documents: documents.table as PgTable,
    documentId: documents,
    vectors: vectorsTable(table, name, docId(), documents),
    vectorOrphans: orphansTable(table, `${prefix}_orphans` as OrphansName<Name>, docId()),
    vectorPatches: patchesView(view, `${prefix}_patches` as PatchesName<Name>, docId()),
  };
  Object.defineProperty(ledger.vectors, ledgerOfVectors, { value: ledger });
  return ledger;
}

/** The property of a table that holds its ledger. All copies of this package share the symbol. */
const ledgerOfVectors = Symbol.for('colpali-vectors:ledger');

/** The ledger whose table `vectors` this is. */
export function ledgerOfTable(table: PgTable): Ledger<DocumentId> | undefined {
  return (table as unknown as Record<symbol, Ledger<DocumentId> | undefined>)[ledgerOfVectors];
}

/** @throws {InvalidInputError} */
function keyTypeOf(column: unknown): KeyType {
  const type = is(column, PgColumnClass) ? column.getSQLType() : '';
  if (/^(small)?(serial|int)|^integer$/.test(type)) return 'integer';
  if (/^big(serial|int)$/.test(type)) return 'bigint';
  if (type === 'uuid') return 'uuid';
  if (/^(text|varchar(\(\d+\))?)$/.test(type)) return 'text';
  throw new InvalidInputError(
    ['options', 'documents'],
    'must be a Drizzle column of type integer, serial, bigint, bigserial, uuid, text or varchar',
  );
}

/** @throws {InvalidInputError} */
function requireName(name: unknown, documents: string): void {
  const path = ['options', 'name'];
  if (typeof name !== 'string' || !/^[a-z_][a-z0-9_]*$/.test(name) || name.length > maxNameLength) {
    throw new InvalidInputError(
      path,
      `must have 1 to ${maxNameLength} lower-case letters, digits and underscores, and must not begin with a digit`,
    );
  }
  if (name === documents) {
    throw new InvalidInputError(path, 'must not be the name of the documents table');
  }
  // The queue, view, indexes and sequences of another ledger can have such names.
  if (name === 'vector' || /^ix_|_(orphans|patches|pkey|seq)$/.test(name)) {
    throw new InvalidInputError(
      path,
      'must not be "vector", begin with "ix_" or end in "_orphans", "_patches", "_pkey" or "_seq": the queue, the view or an index of another ledger may have such a name',
    );
  }
}

/** The builder of `doc_id`. It is typed by the column's values only, because the four builders have no common type. */
type DocIdBuilder<DocId> = PgCustomColumnBuilder<ConvertCustomConfig<'doc_id', { data: DocId }>>;

function docIdColumn<DocId>(keyType: KeyType, documentId: PgColumn): DocIdBuilder<DocId> {
  const columns = {
    integer: () => integer('doc_id'),
    bigint: () =>
      bigint('doc_id', { mode: documentId.dataType === 'bigint' ? 'bigint' : 'number' }),
    uuid: () => uuid('doc_id'),
    text: () => text('doc_id'),
  };
  return columns[keyType]() as unknown as DocIdBuilder<DocId>;
}

/** The same table as `vectors` in schema.ts. The comments there describe the columns. */
function vectorsTable<DocId extends DocumentId, Name extends string>(
  table: PgTableFn,
  name: Name,
  docId: DocIdBuilder<DocId>,
  documentId: PgColumn,
) {
  return table(
    name,
    {
      id: serial('id').primaryKey(),
      docId: docId.notNull(),
      page: integer('page').notNull(),
      vectorIds: vectorIdsColumn('vector_ids').notNull(),
      grid: jsonb('grid').$type<PatchGrid>(),
      namespace: text('namespace'),
      recordedAt: timestamp('recorded_at', { withTimezone: true }).notNull().defaultNow(),
      indexedAt: timestamp('indexed_at', { withTimezone: true }).defaultNow(),
      revision: integer('revision').notNull().default(1),
    },
    (columns) => [
      foreignKey({
        name: `${name}_doc_id_fkey`,
        columns: [columns.docId],
        foreignColumns: [documentId],
      }).onDelete('cascade'),
      check(`${name}_page_check`, sql`${columns.page} > 0`),
      check(
        `${name}_grid_check`,
        sql`${columns.grid} is null or (${columns.grid} @? 'strict $ ? (@.cols >= 1 && @.rows >= 1 && @.start >= 0
        && @.cols % 1 == 0 && @.rows % 1 == 0 && @.start % 1 == 0)'::jsonpath) is true`,
      ),
      index(`ix_${name}_doc_id`).on(columns.docId),
      uniqueIndex(`ix_${name}_doc_page`).on(columns.docId, columns.page),
      index(`ix_${name}_pending`)
        .on(columns.docId, columns.page)
        .where(sql`${columns.indexedAt} is null`),
    ],
  );
}

/** The same table as `vectorOrphans` in schema.ts. */
function orphansTable<DocId extends DocumentId, Name extends string>(
  table: PgTableFn,
  name: Name,
  docId: DocIdBuilder<DocId>,
) {
  return table(
    name,
    {
      id: bigserial('id', { mode: 'number' }).primaryKey(),
      docId,
      page: integer('page'),
      vectorIds: vectorIdsColumn('vector_ids').notNull(),
      vectorCount: integer('vector_count').notNull(),
      namespace: text('namespace'),
      orphanedAt: timestamp('orphaned_at', { withTimezone: true }).notNull().defaultNow(),
      attempts: integer('attempts').notNull().default(0),
      triedAt: timestamp('tried_at', { withTimezone: true }),
      dueAt: timestamp('due_at', { withTimezone: true }).notNull().defaultNow(),
    },
    (columns) => [
      index(`ix_${name}_doc_page`).on(columns.docId, columns.page),
      index(`ix_${name}_due`).on(columns.dueAt, columns.id),
    ],
  );
}

/** The same view as `vectorPatches` in schema.ts. */
function patchesView<DocId extends DocumentId, Name extends string>(
  view: typeof pgView,
  name: Name,
  docId: DocIdBuilder<DocId>,
) {
  return view(name, {
    docId: docId.notNull(),
    page: integer('page').notNull(),
    patch: integer('patch').notNull(),
    vectorId: text('vector_id').notNull(),
  }).existing();
}
