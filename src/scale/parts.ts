/** What the plans for partitions have in common. */
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { quote, type VectorTables } from '../tables.ts';
import type { Plan, Step } from './steps.ts';
import type { TableSql } from './table-sql.ts';

/** The documents of a partition, as in `LedgerPartition`. */
export interface Range {
  from: string | null;
  to: string | null;
}

/** PostgreSQL cuts names after this many bytes. */
const maxNameLength = 63;

/** `vectors_p1` for `vectors`, short enough for PostgreSQL. */
export function nameWith(name: string, suffix: string): string {
  return name.slice(0, maxNameLength - suffix.length) + suffix;
}

/** A table, index or sequence in the ledger's schema. */
export function inSchema({ schema }: TableSql, name: string): string {
  return `${quote(schema)}.${quote(name)}`;
}

function literal({ keyType }: VectorTables, docId: string): string {
  const isNumber = keyType === 'integer' || keyType === 'bigint';
  return isNumber ? docId : `'${docId.replaceAll("'", "''")}'`;
}

/** `for values from (minvalue) to (120001)`. */
export function forValues(tables: VectorTables, { from, to }: Range): string {
  const first = from === null ? 'minvalue' : literal(tables, from);
  const end = to === null ? 'maxvalue' : literal(tables, to);
  return `for values from (${first}) to (${end})`;
}

/** The name of the check that proves the range of a table that is about to become a partition. */
export function rangeCheckName({ name }: VectorTables): string {
  return `${name}_range_check`;
}

/**
 * Steps that add a check of the range. With it, PostgreSQL attaches the partition without reading its rows.
 *
 * @param table - The table, with its schema.
 */
export function checkRange(tables: VectorTables, table: string, { from, to }: Range): Step[] {
  const conditions = [
    'doc_id is not null',
    ...(from === null ? [] : [`doc_id >= ${literal(tables, from)}`]),
    ...(to === null ? [] : [`doc_id < ${literal(tables, to)}`]),
  ];
  const name = rangeCheckName(tables);
  const limits = conditions.slice(1).join(' and ');
  const untilThen =
    limits === '' ? '' : ` Until the last step is done, it accepts only pages with ${limits}.`;
  return [
    {
      comment: `Adds a check of the range to ${table}, and locks the table for a moment.${untilThen}`,
      locked: [table],
      statements: [
        `alter table ${table} drop constraint if exists ${name}, ` +
          `add constraint ${name} check (${conditions.join(' and ')}) not valid`,
      ],
    },
    {
      comment: 'Checks the range of all rows. Nobody waits for it.',
      statements: [`alter table ${table} validate constraint ${name}`],
    },
  ];
}

export function dropRangeCheck(tables: VectorTables, table: string): string {
  return `alter table ${table} drop constraint if exists ${rangeCheckName(tables)}`;
}

/** Removes the check of the range, also one that an earlier run has left. */
export async function cleanupOf(
  db: Db,
  tables: VectorTables,
  table: string,
): Promise<Plan['cleanup']> {
  const [found] = rowsOf<{ exists: boolean }>(
    await db.execute(sql`
      select exists (
        select from pg_constraint
        where conrelid = ${table}::text::regclass and conname = ${rangeCheckName(tables)}::text
      ) as "exists"`),
  );
  return { statement: dropRangeCheck(tables, table), isLeftOver: found?.exists === true };
}

/** @throws {MigrationError} Something refers to the table in a way that cannot be moved to another table. */
export function requireNoObstacles({ table, obstacles }: TableSql, what: string): void {
  if (obstacles.length === 0) return;
  throw new MigrationError(
    `${table} cannot be ${what}: ${obstacles.join('; ')}. ` +
      'Remove what is in the way first, and create it again afterwards.',
  );
}

/**
 * The step that creates a unique index without a lock. No step if the index exists. First drops the invalid index
 * that a failed attempt left.
 */
export async function createUniqueIndex(
  db: Db,
  table: TableSql,
  on: string,
  { name, columns }: { name: string; columns: string },
): Promise<Step[]> {
  const index = inSchema(table, name);
  const [found] = rowsOf<{ is_valid: boolean }>(
    await db.execute(sql`
      select indisvalid as is_valid from pg_index where indexrelid = to_regclass(${index}::text)`),
  );
  if (found?.is_valid) return [];
  return [
    {
      comment:
        'Creates a unique index. This step takes the longest, and it waits for open transactions. Nobody waits for it.',
      statements: [
        ...(found === undefined ? [] : [`drop index concurrently ${index}`]),
        `create unique index concurrently ${quote(name)} on ${on} (${columns})`,
      ],
    },
  ];
}

/**
 * What a step locks that replaces, attaches or detaches tables. `documents` is left out if the role may not lock it. Then
 * a later statement takes that lock. The statement that drops the foreign key of a table is an example.
 */
export function lockedTables({
  table,
  documents,
  mayLockDocuments,
  views,
}: TableSql): Pick<Step, 'locked' | 'views'> {
  return {
    locked: [...(mayLockDocuments ? [documents] : []), table],
    views: views.map(({ view }) => view),
  };
}

/** Statements that create empty partitions for the ranges. A partition does not get its parent's statement triggers. */
export function createPartitions(
  tables: VectorTables,
  table: TableSql,
  partitions: readonly (Range & { partition: string })[],
  options: string,
): string[] {
  return partitions.flatMap(({ partition, ...range }) => [
    `create table ${partition} partition of ${table.table} ${forValues(tables, range)}` +
      (options === '' ? '' : ` with (${options})`),
    ...table.defaultGrantees.map((role) => `revoke all on table ${partition} from ${role}`),
    ...table.rights
      .filter((statement) => statement.startsWith('alter table %s owner'))
      .map((statement) => applyTo(statement, partition)),
    ...table.triggers
      .filter(({ forEachRow }) => !forEachRow)
      .map(({ definition }) => triggerOn(definition, table.table, partition)),
  ]);
}

/** The statement of `TableSql.rights` for this table. */
export function applyTo(statement: string, table: string): string {
  return statement.replace('%s', () => table);
}

/** The definition of a trigger for another table. */
export function triggerOn(definition: string, from: string, to: string): string {
  return definition.replace(` ON ${from} `, () => ` ON ${to} `);
}

/** One range from each of `at` to the next. The last range has no upper limit. */
export function rangesFrom(at: readonly string[]): Range[] {
  return at.map((from, index) => ({ from, to: at[index + 1] ?? null }));
}

/** @throws {MigrationError} The table has pages of the document `at` or of a later one. */
export async function requireNoPagesFrom(db: Db, tables: VectorTables, at: string): Promise<void> {
  const [found] = rowsOf<{ highest: string | null }>(
    await db.execute(sql`
      select (select doc_id from ${tables.vectors} order by doc_id desc limit 1)::text as highest
      where exists (select from ${tables.vectors} where doc_id >= ${at}::text::${sql.raw(tables.keyType)})`),
  );
  if (found === undefined) return;
  throw new MigrationError(
    `The ledger has pages of document ${found.highest}, so a new range cannot begin at ${at}: ` +
      'choose a higher document id. Leave a gap, because pages may be added before the range exists',
  );
}
