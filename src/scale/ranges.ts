/** The plans that make a table partitioned, and that add ranges to a partitioned one. */
import type { Db } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { quote, type VectorTables } from '../tables.ts';
import { readPartitionSql } from './partition-sql.ts';
import {
  applyTo,
  checkRange,
  cleanupOf,
  createPartitions,
  createUniqueIndex,
  dropRangeCheck,
  forValues,
  inSchema,
  lockedTables,
  nameWith,
  rangesFrom,
  requireNoObstacles,
  requireNoPagesFrom,
} from './parts.ts';
import { type LedgerPartition, sortDocIds } from './shape.ts';
import type { Plan } from './steps.ts';
import { readTableSql, type TableSql } from './table-sql.ts';

/**
 * The existing table becomes the first partition, without being copied. Adds a partition that begins at each of `at`.
 *
 * @param at - Document ids in ascending order.
 * @throws {MigrationError}
 */
export async function planPartitions(
  db: Db,
  tables: VectorTables,
  at: readonly string[],
): Promise<Plan> {
  const [first = null] = at;
  if (first !== null) await requireNoPagesFrom(db, tables, first);
  const table = await readTableSql(db, tables);
  requireNoObstacles(table, 'partitioned');
  const { name } = table;
  const plain = table.table;
  const firstName = nameWith(name, '_p0');
  const partition = inSchema(table, firstName);
  const parent = inSchema(table, nameWith(name, '_partitioned'));
  const index = { name: nameWith(name, '_id_doc_id_key'), columns: 'id, doc_id' };
  const range = { from: null, to: first };
  const rowTriggers = table.triggers.filter(({ forEachRow }) => forEachRow);
  const swap = [
    `create table ${parent} (like ${plain} including all excluding indexes excluding identity) partition by range (doc_id)`,
    dropRangeCheck(tables, parent),
    ...table.defaultGrantees.map((role) => `revoke all on table ${parent} from ${role}`),
    ...table.foreignKeys.map(
      (key) => `alter table ${parent} add constraint ${quote(key.name)} ${key.definition}`,
    ),
    `alter table ${plain} drop constraint ${quote(table.primaryKey)}`,
    `alter table ${plain} add constraint ${quote(nameWith(firstName, '_pkey'))} primary key using index ${quote(index.name)}`,
    ...table.indexes
      .filter((other) => other.name !== index.name)
      .map(
        (other) =>
          `alter index ${inSchema(table, other.name)} rename to ${quote(nameWith(other.name, '_p0'))}`,
      ),
    ...rowTriggers.map((trigger) => `drop trigger ${quote(trigger.name)} on ${plain}`),
    `alter table ${plain} rename to ${quote(firstName)}`,
    `alter table ${parent} rename to ${quote(name)}`,
    // Only now, because a policy may use the name of the table.
    ...table.rights.map((statement) => applyTo(statement, plain)),
    ...(table.sequence === null ? [] : [`alter sequence ${table.sequence} owned by ${plain}.id`]),
    `alter table ${plain} add constraint ${quote(table.primaryKey)} primary key (id, doc_id)`,
    ...table.indexes
      .filter((other) => other.name !== index.name)
      .map(({ definition }) => definition),
    ...table.triggers.map(({ definition }) => definition),
    `alter table ${plain} attach partition ${partition} ${forValues(tables, range)}`,
    dropRangeCheck(tables, partition),
    ...createPartitions(tables, table, namedRanges(table, at, 1), table.options),
    ...table.views.map(({ definition }) => definition),
  ];
  return {
    cleanup: await cleanupOf(db, tables, plain),
    steps: [
      ...(await createUniqueIndex(db, table, plain, index)),
      ...checkRange(tables, plain, range),
      {
        comment: `The swap: a partitioned table replaces ${plain}, which becomes its first partition. Locks ${plain}, and ${table.documents}, for a moment.`,
        ...lockedTables(table),
        statements: swap,
      },
    ],
  };
}

/**
 * Ends the last range at the first of `at`, and adds a partition that begins at each of `at`.
 *
 * @throws {MigrationError}
 */
export async function planNewRanges(
  db: Db,
  tables: VectorTables,
  partitions: readonly LedgerPartition[],
  at: readonly string[],
): Promise<Plan> {
  const [first = null] = at;
  const last = partitions.at(-1);
  if (last === undefined || last.to !== null) {
    throw new MigrationError(
      'The last partition has an upper limit, so this package did not make it: add the next partition as you made the others',
    );
  }
  if (first !== null) {
    await requireAfter(db, tables, last.from, first);
    await requireNoPagesFrom(db, tables, first);
  }
  const table = await readTableSql(db, tables);
  const { name: lastName, options } = await readPartitionSql(db, last.name);
  const range = { from: last.from, to: first };
  return {
    cleanup: await cleanupOf(db, tables, lastName),
    steps: [
      ...checkRange(tables, lastName, range),
      {
        comment: `Ends the last range and adds the next. Locks ${table.table}, and ${table.documents}, for a moment.`,
        ...lockedTables(table),
        statements: [
          `alter table ${table.table} detach partition ${lastName}`,
          `alter table ${table.table} attach partition ${lastName} ${forValues(tables, range)}`,
          dropRangeCheck(tables, lastName),
          ...createPartitions(
            tables,
            table,
            namedRanges(table, at, nextNumber(partitions)),
            options,
          ),
        ],
      },
    ],
  };
}

/** @throws {MigrationError} `at` is not above `from`, where the last range begins. */
async function requireAfter(
  db: Db,
  tables: VectorTables,
  from: string | null,
  at: string,
): Promise<void> {
  if (from === null || (await sortDocIds(db, tables, [from, at])).at(-1) === at) return;
  throw new MigrationError(
    `A new range cannot begin at ${at}, because the last range begins at ${from}: choose a document id above it`,
  );
}

function namedRanges(table: TableSql, at: readonly string[], firstNumber: number) {
  return rangesFrom(at).map((range, index) => ({
    ...range,
    partition: inSchema(table, nameWith(table.name, `_p${firstNumber + index}`)),
  }));
}

/** One more than the highest number in the partitions' names. Numbers of dropped ranges below it are not used again. */
function nextNumber(partitions: readonly LedgerPartition[]): number {
  const numbers = partitions.map(({ name }) => Number(/_p(\d{1,9})"?$/.exec(name)?.[1] ?? 0));
  return Math.max(0, ...numbers) + 1;
}
