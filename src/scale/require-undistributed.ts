import type { Db } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { readShape } from './shape.ts';

/**
 * Checks that a ledger is not distributed. Call it before work that fails on shards or was never tested on them.
 *
 * @param refusal.change - What cannot be done, as the message begins: `Migrations cannot be undone`.
 * @param refusal.hint - What to do instead.
 * @throws {MigrationError}
 */
export async function requireUndistributed(
  db: Db,
  tables: VectorTables,
  { change, hint }: { change: string; hint: string },
): Promise<void> {
  const { kind } = await readShape(db, tables);
  if (kind !== 'distributed') return;
  const name = qualifiedName(tables.vectors);
  throw new MigrationError(`${change} while ${name} is distributed\nHint: ${hint}`, { hint });
}
