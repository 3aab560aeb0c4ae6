import type { Db } from '../db.ts';
import type { Ledger } from '../define-ledger.ts';
import { type DocumentId, docIdAsJson, requireDocId } from '../document-id.ts';
import { withLedgerErrors } from '../driver-errors.ts';
import { InvalidInputError, MigrationError } from '../errors.ts';
import { requireAllRows } from '../ledger/require-all-rows.ts';
import { requireTriggers } from '../ledger/require-triggers.ts';
import {
  integer,
  requireArray,
  requireBoolean,
  requireOptions,
  requireString,
} from '../require.ts';
import { requireLedger, tablesOf, type VectorTables } from '../tables.ts';
import { isTransaction, uniform } from '../uniform-db.ts';
import { planDrop } from './drop-range.ts';
import { planNewRanges, planPartitions } from './ranges.ts';
import { readShape, sortDocIds } from './shape.ts';
import { formatPlan, type Plan, runPlan } from './steps.ts';
import { planUndo } from './undo.ts';

/** How the partitions of `vectors` are to change: one of `at`, `drop` and `undo`. */
export interface PartitionOptions<DocId extends DocumentId = number> {
  /**
   * The documents at which new ranges begin. Each must be above all documents that have pages. In the first call, the
   * existing table becomes the first partition. Each later call ends the last range and adds new ranges.
   */
  at?: readonly DocId[] | undefined;
  /** The name of a partition to drop: `vectors_p0`. Its ids are queued, and its documents stay. */
  drop?: string | undefined;
  /** Makes the partitions one table again. {@defaultValue false} */
  undo?: boolean | undefined;
  /** What `defineLedger` returned. {@defaultValue the package's own tables} */
  ledger?: Ledger<DocId> | undefined;
  /**
   * How long a step may wait for its locks, in milliseconds. Meanwhile new queries wait behind it. A step that does
   * not get its locks in time is tried again. {@defaultValue 500}
   */
  lockTimeoutMs?: number | undefined;
}

const defaultLockTimeoutMs = 500;

/**
 * Returns the SQL that changes the partitions, for psql. It changes nothing. Run the SQL soon: it fits the tables as
 * they are now. If it stops half way, ask for it again: it contains only what is left to do.
 *
 * @param hostDb - A database whose role owns the tables.
 * @throws {InvalidInputError} An option is not valid.
 * @throws {MigrationError} The ledger is not migrated, something refers to its table, or a range has pages already.
 * @throws {DatabaseError} 42501: row level security may hide pages from the role.
 * @example
 * console.log(await partitionSql(db, { at: [1_000_000, 2_000_000] }));
 */
export async function partitionSql<DocId extends DocumentId = number>(
  hostDb: Db,
  options: PartitionOptions<DocId>,
): Promise<string> {
  const { db, tables, lockTimeoutMs } = checkOptions(hostDb, options);
  return withLedgerErrors(async () =>
    formatPlan(await createPlan(db, tables, options), lockTimeoutMs),
  );
}

/**
 * Changes the partitions of `vectors`: makes it partitioned by ranges of documents, adds ranges, drops a range, or
 * makes it one table again. Runs the SQL of `partitionSql`, and tries steps again that do not get their locks.
 *
 * @param hostDb - A database whose role owns the tables; not a transaction.
 * @throws {InvalidInputError} An option is not valid.
 * @throws {MigrationError} As `partitionSql`; or a step failed: repeat the call to go on from there.
 */
export async function partition<DocId extends DocumentId = number>(
  hostDb: Db,
  options: PartitionOptions<DocId>,
): Promise<void> {
  const { db, tables, lockTimeoutMs } = checkOptions(hostDb, options);
  return withLedgerErrors(async () =>
    runPlan(db, await createPlan(db, tables, options), lockTimeoutMs),
  );
}

function checkOptions<DocId extends DocumentId>(hostDb: Db, options: PartitionOptions<DocId>) {
  const db = uniform(hostDb);
  requireOptions(options, {
    ledger: requireLedger,
    drop: requireString,
    undo: requireBoolean,
    lockTimeoutMs: integer({ min: 1 }),
  });
  const tables = tablesOf(options.ledger);
  const { at, drop, undo, lockTimeoutMs = defaultLockTimeoutMs } = options;
  if ([at, drop, undo || undefined].filter((option) => option !== undefined).length !== 1) {
    throw new InvalidInputError(['options'], 'must have one of at, drop and undo');
  }
  if (at !== undefined) {
    const path = ['options', 'at'];
    requireArray(at, path);
    if (at.length === 0) throw new InvalidInputError(path, 'must not be empty');
    for (const [index, docId] of at.entries()) requireDocId(docId, [...path, index], tables);
  }
  if (isTransaction(db)) {
    throw new InvalidInputError(
      ['db'],
      'must be a database, not a transaction: the steps need transactions of their own',
    );
  }
  return { db, tables, lockTimeoutMs };
}

async function createPlan<DocId extends DocumentId>(
  db: Db,
  tables: VectorTables,
  { at, drop, undo }: PartitionOptions<DocId>,
): Promise<Plan> {
  await requireTriggers(db, tables);
  await requireAllRows(db, tables);
  const shape = await readShape(db, tables);
  if (shape.kind === 'distributed') {
    throw new MigrationError(
      'A ledger that is distributed with Citus cannot be partitioned by ranges',
    );
  }
  if (shape.kind === 'partitioned' && shape.by !== 'RANGE (doc_id)') {
    throw new MigrationError(
      `The table is partitioned by ${shape.by}, which this package did not do: it can change only partitions by RANGE (doc_id)`,
    );
  }
  if (at !== undefined) {
    const limits = await sortDocIds(
      db,
      tables,
      at.map((docId) => String(docIdAsJson(docId))),
    );
    if (shape.kind === 'plain') return planPartitions(db, tables, limits);
    const existing = new Set(shape.partitions.map(({ from }) => from));
    const added = limits.filter((limit) => !existing.has(limit));
    return added.length === 0 ? { steps: [] } : planNewRanges(db, tables, shape.partitions, added);
  }
  if (shape.kind === 'plain') {
    if (undo) return { steps: [] };
    throw new MigrationError('The ledger is not partitioned');
  }
  return drop === undefined
    ? planUndo(db, tables, shape.partitions)
    : planDrop(db, tables, shape.partitions, drop);
}
