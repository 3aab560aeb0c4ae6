import type { Db } from '../db.ts';
import { MigrationError } from '../errors.ts';
import type { VectorTables } from '../tables.ts';
import { readPartitionSql } from './partition-sql.ts';
import { checkRange, cleanupOf, dropRangeCheck, forValues, lockedTables } from './parts.ts';
import type { LedgerPartition } from './shape.ts';
import type { Plan } from './steps.ts';
import { readTableSql } from './table-sql.ts';

/**
 * Drops a partition after its ids are queued. Its range goes to the next partition, so that its documents, which stay,
 * can be recorded again.
 *
 * @param name - As in `LedgerPartition`.
 * @throws {MigrationError}
 */
export async function planDrop(
  db: Db,
  tables: VectorTables,
  partitions: readonly LedgerPartition[],
  name: string,
): Promise<Plan> {
  const position = partitions.findIndex((partition) => partition.name === name);
  const dropped = partitions[position];
  if (dropped === undefined) {
    const names = partitions.map((partition) => partition.name).join(', ');
    throw new MigrationError(`There is no partition ${name}; expected one of ${names}`);
  }
  const next = partitions[position + 1];
  if (next === undefined || next.from !== dropped.to) {
    throw new MigrationError(
      `${name} cannot be dropped, because no next partition can take new pages of its documents: add a range first`,
    );
  }
  const table = await readTableSql(db, tables);
  const { name: droppedName } = await readPartitionSql(db, dropped.name);
  const { name: nextName } = await readPartitionSql(db, next.name);
  const range = { from: dropped.from, to: next.to };
  return {
    cleanup: await cleanupOf(db, tables, nextName),
    steps: [
      {
        comment: `Deletes the pages of ${droppedName}, which queues their ids. Only writers of these pages wait.`,
        statements: [`delete from ${droppedName}`],
      },
      ...checkRange(tables, nextName, range),
      {
        comment: `Drops ${droppedName}. Its range goes to ${nextName}. Locks ${table.table}, and ${table.documents}, for a moment.`,
        ...lockedTables(table),
        statements: [
          // Queues the ids of pages that were recorded since.
          `truncate ${droppedName}`,
          `drop table ${droppedName}`,
          `alter table ${table.table} detach partition ${nextName}`,
          `alter table ${table.table} attach partition ${nextName} ${forValues(tables, range)}`,
          dropRangeCheck(tables, nextName),
        ],
      },
    ],
  };
}
