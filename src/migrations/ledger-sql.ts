import { getTableConfig } from 'drizzle-orm/pg-core';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { purgeLockClass, purgeLockCount } from '../ledger/purge-lock.ts';
import {
  defaultTables,
  qualifiedName,
  quote,
  requireLedger,
  tablesOf,
  type VectorTables,
} from '../tables.ts';
import { listMigrations, statementsOf } from './files.ts';

/** Marks the statements of the migrations that every ledger needs. The others create or convert tables. */
const mark = '-- Every ledger has this, see src/migrations/ledger-sql.ts.\n';

/** Limits how long the later statements of the same transaction wait for a locked table. */
export const limitLockWait =
  "select set_config('lock_timeout', '5s', true) where current_setting('lock_timeout') = '0'";

/**
 * Returns the SQL of a ledger that drizzle-kit cannot generate: functions, checks, the index on ids, the view and the
 * triggers. Run the statements in this order, in one transaction, after the tables exist. They can be run again.
 *
 * @param ledger - What `defineLedger` returned.
 * @throws {InvalidInputError} `ledger` is not a ledger.
 */
export function ledgerSql<DocId extends DocumentId>(ledger: Ledger<DocId>): string[] {
  requireLedger(ledger, ['ledger']);
  return sqlOf(tablesOf(ledger));
}

/** What `ledgerSql` returns. */
export function sqlOf(tables: VectorTables): string[] {
  return [limitLockWait, ...inSchema(getTableConfig(tables.vectors).schema, statementsFor(tables))];
}

/** The names of the objects of a kind that `ledgerSql` creates. */
export function namesOf(kind: 'function' | 'trigger', tables: VectorTables): string[] {
  const created = new RegExp(`^create or replace ${kind} (?:ledger\\.)?(\\w+)`, 'gm');
  return statementsFor(tables).flatMap((statement) =>
    [...statement.matchAll(created)].map(([, name = '']) => name),
  );
}

/** The documents as a foreign key refers to them: `documents(id)`, `"app"."files"("id")`. */
export function documentReference(tables: VectorTables): string {
  if (tables === defaultTables) return 'documents(id)';
  return `${qualifiedName(tables.documents)}(${quote(tables.documentId.name)})`;
}

function statementsFor(tables: VectorTables): string[] {
  return listMigrations()
    .flatMap(({ up }) => statementsOf(up))
    .filter((statement) => statement.includes(mark))
    .map((statement) =>
      renamed(statementForKey(statement.replace(mark, '').trim(), tables), tables),
    );
}

/** Sets the search_path to the ledger's schema, because the statements name no schema. */
function inSchema(schema: string | undefined, statements: readonly string[]): readonly string[] {
  if (schema === undefined) return statements;
  const path = `"${schema.replaceAll('"', '""')}", pg_temp`.replaceAll("'", "''");
  return [
    "select set_config('colpali_vectors.search_path', current_setting('search_path'), true)",
    `select set_config('search_path', '${path}', true)`,
    ...statements,
    "select set_config('search_path', current_setting('colpali_vectors.search_path'), true)",
  ];
}

/** Replaces the names of the default ledger by those of this one. */
export function renamed(statement: string, { name }: VectorTables): string {
  if (name === 'vectors') return statement;
  // In one pass, because the new name may contain an old one.
  return statement.replaceAll(
    /\b(ix_)?(?:vectors_(?=[a-z])|vector_(?=orphans|patches))|\bvectors\b/g,
    (found, ix = '', offset: number) => {
      if (found !== 'vectors') return `${ix}${name}_`;
      // In a comment, the plain word does not mean the table.
      const line = statement.slice(statement.lastIndexOf('\n', offset) + 1, offset);
      return line.includes('--') ? found : `"${name}"`;
    },
  );
}

/** Only integer keys have patch ids. In other ledgers, all pages are in the index on ids. */
function statementForKey(statement: string, { keyType }: VectorTables): string {
  if (keyType === 'integer') return statement;
  const ofOtherKeys: Record<string, string> = {
    vectors_patch_id_head: '',
    vectors_has_own_ids: `-- Patch ids name documents with integer keys only.
create or replace function ledger.vectors_has_own_ids(doc_id ${keyType}, page integer, vector_ids jsonb) returns boolean
language sql immutable
return false;`,
    vectors_purge_lock_key: `-- The advisory lock of a document, one of ${purgeLockCount}.
create or replace function ledger.vectors_purge_lock_key(doc_id ${keyType}) returns bigint
language sql immutable
return ${purgeLockClass} + (hashtext(doc_id::text) & ${purgeLockCount - 1});`,
  };
  const paragraphs = statement.split('\n\n').map((paragraph) => {
    const [, name = ''] = /create or replace function ledger\.(\w+)/.exec(paragraph) ?? [];
    return ofOtherKeys[name] ?? paragraph.replaceAll('doc_id integer', `doc_id ${keyType}`);
  });
  return paragraphs
    .join('\n\n')
    .replace(/\n\s*where not vectors_has_own_ids\(doc_id, page, vector_ids\)/, '');
}
