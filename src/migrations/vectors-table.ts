import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';

/** Tells whether the connection's search_path finds the table `vectors`. */
export async function hasVectorsTable(db: Db): Promise<boolean> {
  const found = await db.execute(sql`select to_regclass('vectors') is not null as "exists"`);
  return rowsOf<{ exists: boolean }>(found)[0]?.exists === true;
}

/**
 * Checks that a migrated database has its table `vectors` in the connection's search_path.
 *
 * @throws {MigrationError} The table is in another schema, or it was dropped.
 */
export async function requireVectorsTable(db: Db): Promise<void> {
  if (await hasVectorsTable(db)) return;
  throw new MigrationError(
    'The migrations are applied to this database, but the search_path does not find the table vectors: ' +
      'a database can have only one ledger, in the schema that was first in the search_path when it was migrated',
  );
}
