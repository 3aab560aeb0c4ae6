import { type SQL, sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { sqlStates } from '../driver-errors.ts';
import { DatabaseError } from '../errors.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';

/** Whether row level security may hide rows of the ledger from the current role. */
export function hidesRows({ vectors, vectorOrphans }: VectorTables): SQL {
  return sql`(row_security_active(${qualifiedName(vectors)}::text)
    or row_security_active(${qualifiedName(vectorOrphans)}::text))`;
}

/**
 * Checks that the current role sees all rows. A purge that does not see a page would delete its vectors. An audit
 * would report them as untracked.
 *
 * @throws {DatabaseError} 42501: row level security applies to the role.
 */
export async function requireAllRows(db: Db, tables: VectorTables): Promise<void> {
  const [row] = rowsOf<{ hides_rows: boolean }>(
    await db.execute(sql`select ${hidesRows(tables)} as hides_rows`),
  );
  if (row?.hides_rows) throw hiddenRowsError(tables);
}

/** The error for a role that may not see all rows. */
export function hiddenRowsError({ vectors }: VectorTables): DatabaseError {
  return new DatabaseError(
    sqlStates.insufficientPrivilege,
    `Row level security may hide rows of ${qualifiedName(vectors)} from this role. ` +
      'Use the owner of the tables or a role with BYPASSRLS.',
  );
}
