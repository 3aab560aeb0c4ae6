import { getTableName, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { findForeignPatchId } from '../ledger/own-patch-ids.ts';
import { ledgerFunction, streamPages } from '../ledger/read-pages.ts';
import { namesOf } from '../migrations/ledger-sql.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { readShape } from './shape.ts';

/** What the statements that distribute a ledger need to know about it. Names are quoted. */
export interface Distributable {
  primaryKeys: { vectors: string; vectorOrphans: string };
  foreignKey: { name: string; definition: string };
  /** The sequence of `vectors.id`. */
  sequence: string;
  /** Whether the host has distributed its documents already. */
  documentsAreDistributed: boolean;
}

/**
 * Checks that Citus can distribute a ledger.
 *
 * @returns `distributed` if it is distributed already.
 * @throws {MigrationError} It cannot, and the error says what to do about it.
 */
export async function requireDistributable(
  db: Db,
  tables: VectorTables,
): Promise<Distributable | 'distributed'> {
  const { documents, documentId, vectors, vectorOrphans } = tables;
  const [database] = rowsOf<{ has_citus: boolean }>(
    await db.execute(
      sql`select exists (select from pg_extension where extname = 'citus') as has_citus`,
    ),
  );
  if (!database?.has_citus) {
    refuse(
      'the database has no extension citus',
      'Create the extension on all nodes, and add the workers with citus_add_node.',
    );
  }
  const [node] = rowsOf<{ is_coordinator: boolean }>(
    await db.execute(sql`select groupid = 0 as is_coordinator from pg_dist_local_group`),
  );
  if (!node?.is_coordinator) refuse('this node is a worker', 'Connect to the coordinator.');
  const shape = await readShape(db, tables);
  if (shape.kind === 'distributed') return 'distributed';
  if (shape.kind === 'partitioned') {
    refuse('it is partitioned', 'Make it one table again first.');
  }
  const [found] = rowsOf<{
    vectors_key: string | null;
    orphans_key: string | null;
    fkey: string | null;
    fkey_definition: string | null;
    sequence_name: string;
    document_type: string | null;
    doc_id_type: string;
    document_partition: string | null;
    strays: boolean;
    other_triggers: string | null;
    other_unique: string | null;
    other_references: string | null;
  }>(
    await db.execute(sql`
      with ledger as (
        select ${qualifiedName(vectors)}::text::regclass as vectors,
          ${qualifiedName(vectorOrphans)}::text::regclass as orphans,
          ${qualifiedName(documents)}::text::regclass as documents
      )
      select
        (select quote_ident(conname) from pg_constraint where conrelid = vectors and contype = 'p') as vectors_key,
        (select quote_ident(conname) from pg_constraint where conrelid = orphans and contype = 'p') as orphans_key,
        quote_ident(fkey.conname) as fkey, pg_get_constraintdef(fkey.oid) as fkey_definition,
        coalesce(
          pg_get_serial_sequence(${qualifiedName(vectors)}::text, 'id'),
          quote_ident(${`${getTableName(vectors)}_id_seq`}::text)
        ) as sequence_name,
        (select format_type(atttypid, null) from pg_attribute
          where attrelid = documents and attname = ${documentId.name}::text) as document_type,
        (select format_type(atttypid, null) from pg_attribute
          where attrelid = vectors and attname = 'doc_id') as doc_id_type,
        (select column_to_column_name(logicalrelid, partkey) from pg_dist_partition
          where logicalrelid = documents and partmethod = 'h') as document_partition,
        exists (select from ${vectorOrphans} where doc_id is null) as strays,
        (select string_agg(format('%s on %s', tgname, tgrelid::regclass), ', ' order by tgname) from pg_trigger
          where tgrelid in (vectors, orphans, documents) and not tgisinternal
            and not (tgrelid = vectors and tgname in (
              select value from jsonb_array_elements_text(${JSON.stringify(namesOf('trigger', tables))}::text::jsonb)
            ))) as other_triggers,
        (select string_agg(indexrelid::regclass::text, ', ') from pg_index
          where indrelid = documents and indisunique and not (
            select attnum from pg_attribute
            where attrelid = documents and attname = ${documentId.name}::text
          ) = any (indkey)) as other_unique,
        (select string_agg(format('%s of %s', conname, conrelid::regclass), ', ' order by conname) from pg_constraint
          where contype = 'f' and conrelid <> vectors and (confrelid = documents or conrelid = documents)
        ) as other_references
      from ledger
      left join pg_constraint as fkey on fkey.conrelid = vectors and fkey.confrelid = documents and fkey.contype = 'f'`),
  );
  const row = found as NonNullable<typeof found>;
  const name = qualifiedName(documents);
  const isDistributed = row.document_partition !== null;
  if (row.vectors_key === null || row.orphans_key === null || row.fkey === null) {
    refuse(
      'a primary key or the foreign key to the documents is missing',
      'Run "colpali-vectors status".',
    );
  }
  if (row.document_type !== row.doc_id_type) {
    refuse(
      `${name}.${documentId.name} is ${row.document_type} and doc_id is ${row.doc_id_type}`,
      'Citus keeps two tables together only if their columns have the same type.',
    );
  }
  if (isDistributed && row.document_partition !== documentId.name) {
    refuse(
      `${name} is distributed by ${row.document_partition}`,
      `Distribute it by ${documentId.name}.`,
    );
  }
  if (row.strays) {
    refuse(
      'strays are queued: ids that have no document',
      'Purge until vector_orphans has no row whose doc_id is null.',
    );
  }
  if (row.other_triggers !== null) {
    refuse(
      `the table has other triggers, which Citus would move to the shards: ${row.other_triggers}`,
      'Drop them first.',
    );
  }
  if (!isDistributed && row.other_unique !== null) {
    refuse(
      `${name} has a unique key without ${documentId.name}: ${row.other_unique}`,
      `On Citus, each unique key has to contain ${documentId.name}.`,
    );
  }
  if (!isDistributed && row.other_references !== null) {
    refuse(
      `${name} has other foreign keys: ${row.other_references}`,
      `Distribute ${name} by ${documentId.name} yourself first, with create_distributed_table.`,
    );
  }
  return {
    primaryKeys: { vectors: row.vectors_key as string, vectorOrphans: row.orphans_key as string },
    foreignKey: { name: row.fkey as string, definition: row.fkey_definition as string },
    sequence: row.sequence_name,
    documentsAreDistributed: isDistributed,
  };
}

/**
 * Checks that no document has a patch id that names another document: see `own-patch-ids.ts`. Reads all pages that have
 * other ids than their own patch ids, which takes minutes on a large ledger.
 *
 * @throws {MigrationError}
 */
export async function requireNoForeignPatchIds(db: Db, tables: VectorTables): Promise<void> {
  if (tables.keyType !== 'integer') return;
  const { docId, page, vectorIds } = tables.vectors;
  const hasOtherIds = sql`not ${ledgerFunction(tables, 'has_own_ids')}(${docId}, ${page}, ${vectorIds})`;
  for await (const found of streamPages(db, tables, hasOtherIds, 1_000)) {
    const foreign = findForeignPatchId(tables, found.docId, found.vectorIds);
    if (foreign === undefined) continue;
    refuse(
      `page ${found.page} of document ${found.docId} has a patch id of document ${foreign.docId}`,
      'Record the page with ids of its own document, and write its vectors again.',
    );
  }
}

function refuse(reason: string, hint: string): never {
  throw new MigrationError(`The ledger cannot be distributed: ${reason}\nHint: ${hint}`, { hint });
}
