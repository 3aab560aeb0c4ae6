import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { toMigrationError } from '../driver-errors.ts';
import { InvalidInputError, MigrationError } from '../errors.ts';
import { listMigrations, type Migration, migrationsTable, readDownStatements } from './files.ts';
import { readMigrationStates, requireVectors } from './history.ts';
import { inMigrationSession, type MigrationOptions } from './session.ts';

/** How far back. */
export interface RollbackOptions extends MigrationOptions {
  /** Tag of the migration that shall be the newest afterwards. {@defaultValue the one before the newest} */
  to?: string | undefined;
  /** Undo every migration. {@defaultValue false} */
  all?: boolean | undefined;
}

/** What `rollback` did. */
export interface RollbackResult {
  /** Tags of the migrations that this call undid, newest first; empty when none was applied. */
  undone: string[];
  /** What the older schema had no place for, counted. */
  warnings: string[];
}

/**
 * Undoes the newest migration, those newer than `to`, or all of them; in one transaction.
 *
 * Without any, `vectors` is gone and `documents` is as it was. A version of the service that wants the
 * newer schema must not run any more. As for `migrate`, others wait, and the connection must be a direct one.
 *
 * @throws {InvalidInputError} `to` names no migration, or comes with `all`; the URL is none, or `lockTimeoutMs`.
 * @throws {MigrationError} A migration cannot be undone; the error names it, and nothing has changed.
 * @throws {DatabaseUnavailableError} The database cannot be reached.
 */
export async function rollback({
  to,
  all = false,
  ...options
}: RollbackOptions = {}): Promise<RollbackResult> {
  const target = to === undefined ? undefined : requireMigration(to);
  if (target !== undefined && all) throw new InvalidInputError(['to'], 'cannot come with all');

  return inMigrationSession(options, async ({ db, warnings }) => {
    const { applied, unknown } = await readMigrationStates(db);
    if (unknown > 0) {
      throw new MigrationError(
        `The database lists ${unknown} migrations that this version of the package does not have: roll back with the version that applied them`,
      );
    }
    if (target !== undefined && !applied.some(({ tag }) => tag === target.tag)) {
      throw new MigrationError(`Migration ${target.tag} is not applied to this database`, target);
    }
    if (applied.length > 0) await requireVectors(db);
    const newestLeft = target?.when ?? (all ? 0 : (applied.at(-2)?.when ?? 0));
    const undone = applied.filter(({ when }) => when > newestLeft).reverse();
    await db.transaction(async (tx) => {
      for (const migration of undone) await undo(tx, migration);
    });
    return { undone: undone.map(({ tag }) => tag), warnings: [...warnings] };
  });
}

async function undo(tx: Db, { tag, when }: Migration): Promise<void> {
  try {
    for (const statement of readDownStatements(tag)) await tx.execute(sql.raw(statement));
    await tx.execute(
      sql`delete from drizzle.${sql.identifier(migrationsTable)} where created_at = ${when}`,
    );
  } catch (error) {
    throw toMigrationError(error, `Undoing migration ${tag}`, tag);
  }
}

/** @throws {InvalidInputError} The package has no migration of that name. */
function requireMigration(tag: string): Migration {
  const migrations = listMigrations();
  const found = migrations.find((migration) => migration.tag === tag);
  if (found !== undefined) return found;
  const tags = migrations.map((migration) => migration.tag).join(', ');
  throw new InvalidInputError(['to'], `names no migration; there are ${tags}`);
}
