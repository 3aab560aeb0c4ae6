/** Distributes a ledger over the nodes of a Citus cluster. */
import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import type { DocumentId } from '../document-id.ts';
import { toMigrationError } from '../driver-errors.ts';
import { inLockedTransaction } from '../migrations/locked-transaction.ts';
import { type MigrationTarget, withTargetDatabase } from '../migrations/target.ts';
import { integer, requireBoolean, requireOptions } from '../require.ts';
import { qualifiedName, requireLedger, tablesOf, type VectorTables } from '../tables.ts';
import { requireDistributable, requireNoForeignPatchIds } from './distributable.ts';

export interface DistributeOptions<DocId extends DocumentId = number> extends MigrationTarget {
  /**
   * How many shards each table gets: about two to four for each core of all workers. It cannot be changed without
   * copying the tables. {@defaultValue 32}
   */
  shards?: number | undefined;
  /** Whether to run the statements. Without it, they are only returned. {@defaultValue false} */
  apply?: boolean | undefined;
  /** How long to wait for another migrator, and then for each locked table, in milliseconds. {@defaultValue 5000} */
  lockTimeoutMs?: number | undefined;
  /** What `defineLedger` returned. {@defaultValue the package's own tables} */
  ledger?: Ledger<DocId> | undefined;
}

/** The statements that distribute a ledger. */
export interface DistributeResult {
  /** To run in this order, in one transaction. Empty if the ledger is distributed already. */
  statements: string[];
  /** Whether this call ran them. */
  applied: boolean;
}

/**
 * Returns the SQL that distributes a ledger over a Citus cluster, and runs it with `apply`. All pages of a document lie
 * on one shard, with its orphans and its row of `documents`. Recorded pages and queued ids are kept.
 *
 * The statements lock the three tables until they have copied all rows: plan downtime. With `apply`, writers wait from
 * the beginning. Without it, stop them yourself before you ask for the statements. There is no way back except Citus'
 * `undistribute_table`, which this package does not support.
 *
 * @param options - The database of the coordinator: `url` and `ssl`, or `db`. Its role owns the tables.
 * @throws {MigrationError} The ledger cannot be distributed, and the error says why. Nothing was changed.
 * @throws {InvalidInputError}
 * @example
 * const { statements } = await distributeLedger({ url: 'postgres://owner@coordinator/app' });
 * console.log(statements.join(';\n'));
 */
export async function distributeLedger<DocId extends DocumentId = number>(
  options: DistributeOptions<DocId> = {},
): Promise<DistributeResult> {
  requireOptions(options, {
    shards: integer({ min: 1, max: 64_000 }),
    apply: requireBoolean,
    lockTimeoutMs: integer({ min: 1 }),
    ledger: requireLedger,
  });
  const { shards = 32, apply = false, lockTimeoutMs = 5_000 } = options;
  const tables = tablesOf(options.ledger);
  return withTargetDatabase(options, { mustExist: true }, async (db) => {
    if (!apply) {
      const statements = await distributionSql(db, tables, shards, { lock: false });
      return { statements, applied: false };
    }
    return inLockedTransaction(db, lockTimeoutMs, async (tx) => {
      const statements = await distributionSql(tx, tables, shards, { lock: true });
      try {
        for (const statement of statements) await tx.execute(sql.raw(statement));
      } catch (error) {
        throw toMigrationError(error, 'Distributing the ledger', undefined);
      }
      return { statements, applied: statements.length > 0 };
    });
  });
}

/**
 * @param lock - Whether to stop writers before the pages are checked.
 * @throws {MigrationError}
 */
async function distributionSql(
  db: Db,
  tables: VectorTables,
  shards: number,
  { lock }: { lock: boolean },
): Promise<string[]> {
  const found = await requireDistributable(db, tables);
  if (found === 'distributed') return [];
  if (lock) await db.execute(sql`lock table ${tables.vectors} in share row exclusive mode`);
  await requireNoForeignPatchIds(db, tables);
  const { documents, documentId, vectors, vectorOrphans } = tables;
  const [document, vector, orphan] = [documents, vectors, vectorOrphans].map(qualifiedName);
  const key = documentId.name;
  const { primaryKeys, foreignKey, sequence, documentsAreDistributed } = found;
  // A unique key of a distributed table has to contain the column by which it is distributed.
  const newKey = (table: string | undefined, name: string) =>
    `alter table ${table} drop constraint ${name}, add constraint ${name} primary key (id, doc_id)`;
  return [
    // Each node gives ids from a range of its own, and these ranges need a bigint.
    `alter table ${vector} alter column id type bigint`,
    `alter sequence ${sequence} as bigint`,
    newKey(vector, primaryKeys.vectors),
    newKey(orphan, primaryKeys.vectorOrphans),
    `alter table ${vector} drop constraint ${foreignKey.name}`,
    // The triggers run where the rows are. They touch only rows of the same document, which are there too.
    'set local citus.enable_unsafe_triggers = on',
    ...(documentsAreDistributed
      ? []
      : [
          `select create_distributed_table('${quoted(document)}', '${quoted(key)}', shard_count => ${shards}, colocate_with => 'none')`,
        ]),
    ...[orphan, vector].map(
      (table) =>
        `select create_distributed_table('${quoted(table)}', 'doc_id', colocate_with => '${quoted(document)}')`,
    ),
    `alter table ${vector} add constraint ${foreignKey.name} ${foreignKey.definition}`,
  ];
}

function quoted(text: string | undefined): string {
  return String(text).replaceAll("'", "''");
}
