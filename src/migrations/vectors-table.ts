import { sql } from 'drizzle-orm';
import type { PgTable } from 'drizzle-orm/pg-core';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { defaultTables, qualifiedName } from '../tables.ts';

/** Whether the connection's search_path finds the table `vectors`. */
export function hasVectorsTable(db: Db): Promise<boolean> {
  return tableExists(db, defaultTables.vectors);
}

/** Whether the table exists, in the connection's search_path if it names no schema. */
export async function tableExists(db: Db, table: PgTable): Promise<boolean> {
  const found = await db.execute(
    sql`select to_regclass(${qualifiedName(table)}) is not null as "exists"`,
  );
  return rowsOf<{ exists: boolean }>(found)[0]?.exists === true;
}

/**
 * Checks that a migrated database has its table `vectors` in the connection's search_path.
 *
 * @throws {MigrationError} The table is in another schema, or it was dropped.
 */
export async function requireVectorsTable(db: Db): Promise<void> {
  await requireLedgerInSearchPath(db);
  if (await hasVectorsTable(db)) return;
  throw new MigrationError(
    'The migrations are applied to this database, but the table vectors was dropped: ' +
      'run rollback --all, then migrate again',
  );
}

/**
 * Checks that no table `vectors` is in a schema outside the search_path. Passes if the table was dropped.
 *
 * @throws {MigrationError} The table is in another schema.
 */
export async function requireLedgerInSearchPath(db: Db): Promise<void> {
  if (await hasVectorsTable(db)) return;
  const [elsewhere] = rowsOf<{ name: string }>(
    await db.execute(sql`
      select format('%I.%I', nspname, relname) as "name"
      from pg_class join pg_namespace on pg_namespace.oid = relnamespace
      where relname = 'vectors' and relkind in ('r', 'p') and nspname !~ '^pg_temp_'
        and exists (select from pg_attribute where attrelid = pg_class.oid and attname = 'vector_ids')
      order by 1 limit 1`),
  );
  if (elsewhere === undefined) return;
  throw new MigrationError(
    `The migrations are applied to this database, but the search_path does not find their table ${elsewhere.name}. ` +
      'Add the schema of this table to the search_path. migrate cannot make a second ledger in the same database',
  );
}
