import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { toMigrationError } from '../driver-errors.ts';
import { type Migration, migrationsTable, statementsOf } from './files.ts';

/**
 * Creates the table that lists the applied migrations, as drizzle-kit does.
 *
 * Looks first, because `create ... if not exists` needs the privilege to create even if the object exists.
 */
export async function createMigrationsTable(tx: Db): Promise<void> {
  const [found] = rowsOf<{ schema: boolean; table: boolean }>(
    await tx.execute(sql`
      select to_regnamespace('drizzle') is not null as "schema",
        to_regclass(${`drizzle.${migrationsTable}`}) is not null as "table"`),
  );
  if (!found?.schema) await tx.execute(sql`create schema drizzle`);
  if (found?.table) return;
  await tx.execute(sql`
    create table drizzle.${sql.identifier(migrationsTable)} (
      id serial primary key,
      hash text not null,
      created_at bigint
    )`);
}

/**
 * Applies a migration and lists it as applied.
 *
 * @returns The warnings that it raised.
 * @throws {MigrationError} A statement failed.
 */
export function applyMigration(tx: Db, { tag, when, hash, up }: Migration): Promise<string[]> {
  return run(tx, `Migration ${tag}`, tag, up, () =>
    tx.execute(sql`
      insert into drizzle.${sql.identifier(migrationsTable)} (hash, created_at)
      values (${hash}, ${when})`),
  );
}

/**
 * Undoes a migration and removes it from the list.
 *
 * @returns The warnings that it raised.
 * @throws {MigrationError} A statement failed.
 */
export function undoMigration(tx: Db, { tag, when, down }: Migration): Promise<string[]> {
  return run(tx, `Undoing migration ${tag}`, tag, down, () =>
    tx.execute(
      sql`delete from drizzle.${sql.identifier(migrationsTable)} where created_at = ${when}`,
    ),
  );
}

async function run(
  tx: Db,
  what: string,
  tag: string,
  file: string,
  record: () => Promise<unknown>,
): Promise<string[]> {
  try {
    await tx.execute(sql`select set_config('colpali_vectors.warnings', '', true)`);
    for (const statement of statementsOf(file)) await tx.execute(sql.raw(statement));
    await record();
    return await readWarnings(tx);
  } catch (error) {
    throw toMigrationError(error, what, tag);
  }
}

/**
 * Reads the warnings of the last file. The files also raise them as notices, but each driver reports notices in a
 * different way, or not at all.
 */
async function readWarnings(tx: Db): Promise<string[]> {
  const [found] = rowsOf<{ warnings: string }>(
    await tx.execute(sql`select current_setting('colpali_vectors.warnings') as "warnings"`),
  );
  return found?.warnings.split('\n').filter((line) => line !== '') ?? [];
}
