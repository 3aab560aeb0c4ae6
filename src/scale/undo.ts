import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { purgeLockClass, purgeLockCount } from '../ledger/purge-lock.ts';
import { quote, type VectorTables } from '../tables.ts';
import { readPartitionSql } from './partition-sql.ts';
import {
  applyTo,
  createUniqueIndex,
  inSchema,
  lockedTables,
  nameWith,
  requireNoObstacles,
} from './parts.ts';
import type { LedgerPartition } from './shape.ts';
import type { Plan } from './steps.ts';
import { readTableSql } from './table-sql.ts';

/**
 * The largest partition becomes the table again. The rows of the other partitions are copied into it.
 *
 * @throws {MigrationError}
 */
export async function planUndo(
  db: Db,
  tables: VectorTables,
  partitions: readonly LedgerPartition[],
): Promise<Plan> {
  const known = await Promise.all(partitions.map(({ name }) => readPartitionSql(db, name)));
  const [base] = known.toSorted((a, b) => b.bytes - a.bytes);
  if (base === undefined) throw new MigrationError('The ledger has no partitions');
  const table = await readTableSql(db, tables);
  requireNoObstacles(table, 'one table again');
  const { table: name, triggers, views, sequence, columns } = table;
  const old = inSchema(table, nameWith(table.name, '_partitioned'));
  const oid = await oidOf(db, base.name);
  const index = { name: nameWith(table.name, `_id_key_${oid}`), columns: 'id' };
  const wait = quote(`${tables.name}_wait_after_insert`);
  const copy = [
    `alter table ${base.name} disable trigger ${wait}`,
    `insert into ${base.name} (${columns}) select ${columns} from ${name}`,
    `alter table ${base.name} enable trigger ${wait}`,
  ];
  return {
    steps: [
      ...(await createUniqueIndex(db, table, base.name, index)),
      {
        comment: `${base.name} becomes the table ${name}. Readers and writers, also of ${table.documents}, wait until the pages of the other partitions are copied.`,
        ...lockedTables(table),
        statements: [
          // With row level security, the copy then fails instead of leaving out pages.
          'set local row_security = off',
          lockOutPurges,
          `alter table ${name} detach partition ${base.name}`,
          ...copy,
          `alter table ${name} rename to ${quote(nameWith(table.name, '_partitioned'))}`,
          `alter table ${base.name} rename to ${quote(table.name)}`,
          ...(sequence === null ? [] : [`alter sequence ${sequence} owned by ${name}.id`]),
          ...views.map(({ definition }) => definition),
          `drop table ${old}`,
          `alter table ${name} drop constraint ${quote(base.primaryKey)}`,
          `alter table ${name} add constraint ${quote(table.primaryKey)} primary key using index ${quote(index.name)}`,
          ...base.indexes.map(
            (own) => `alter index ${inSchema(table, own.name)} rename to ${quote(own.parent)}`,
          ),
          ...base.foreignKeys
            .filter((own) => own.name !== own.parent)
            .map(
              (own) =>
                `alter table ${name} rename constraint ${quote(own.name)} to ${quote(own.parent)}`,
            ),
          ...triggers
            .filter((trigger) => trigger.forEachRow || !base.triggers.includes(trigger.name))
            .map(({ definition }) => definition),
          ...base.grantees.map((role) => `revoke all on table ${name} from ${role}`),
          ...base.policies.map((policy) => `drop policy ${policy} on ${name}`),
          ...table.rights.map((statement) => applyTo(statement, name)),
        ],
      },
    ],
  };
}

/**
 * Fails while a purge runs. A purge that already waits for the table would not see the copied rows and would delete
 * vectors that are in use.
 */
const lockOutPurges = `do $$
begin
  if not (
    select bool_and(pg_try_advisory_xact_lock(${purgeLockClass} + slot))
    from generate_series(0, ${purgeLockCount - 1}) as slot
  ) then
    raise exception 'a purge is running' using errcode = 'lock_not_available';
  end if;
end $$`;

async function oidOf(db: Db, table: string): Promise<string> {
  const [found] = rowsOf<{ oid: string }>(
    await db.execute(sql`select ${table}::text::regclass::oid::text as oid`),
  );
  return found?.oid ?? '';
}
