import type { Db } from '../db.ts';
import { InvalidInputError, MigrationError } from '../errors.ts';
import { integer, requireBoolean, requireOptions, requireString } from '../require.ts';
import { requireUndistributed } from '../scale/require-undistributed.ts';
import { readShape } from '../scale/shape.ts';
import { defaultTables } from '../tables.ts';
import { undoMigration } from './apply.ts';
import { listMigrations, type Migration } from './files.ts';
import { type MigrationHistory, readMigrationHistory } from './history.ts';
import { inLockedTransaction } from './locked-transaction.ts';
import type { MigrationOptions } from './migrate.ts';
import { withTargetDatabase } from './target.ts';
import { hasVectorsTable, requireLedgerInSearchPath } from './vectors-table.ts';

/** Which migrations `rollback` undoes. Without `to` or `all`, only the newest one. */
export interface RollbackOptions extends MigrationOptions {
  /** Tag of the migration that is the newest one afterwards. {@defaultValue the one before the newest} */
  to?: string | undefined;
  /** Undoes every migration. {@defaultValue false} */
  all?: boolean | undefined;
}

/** What `rollback` did. */
export interface RollbackResult {
  /** Tags of the migrations that this call undid, newest first. Empty if no migration was applied. */
  undone: string[];
  /** Warnings from the migrations, for example about grids that the older schema cannot store. */
  warnings: string[];
}

/**
 * Undoes the newest migration, the migrations newer than `to`, or all of them, in one transaction.
 *
 * Undoing all of them drops `vectors` and keeps `documents`. Stop the services that need the newer schema first.
 * If `vectors` was dropped by hand, `rollback` removes the rest of the ledger. Like `migrate`, it waits for other
 * migrators.
 *
 * @throws {InvalidInputError} `to` is not a known migration or is combined with `all`; or another option is
 *   not valid.
 * @throws {MigrationError} A migration cannot be undone or is not applied, and the error names it; or the database
 *   has migrations that this version does not have; or the search_path does not find the ledger; or the ledger is
 *   partitioned. The database is unchanged.
 * @throws {DatabaseUnavailableError} The database cannot be reached, or the embedded database does not exist.
 *
 * @example
 * ```ts
 * await rollback(); // undoes the newest migration
 * await rollback({ to: '0000_20250524_vectors' }); // undoes every newer migration
 * ```
 */
export async function rollback(options: RollbackOptions = {}): Promise<RollbackResult> {
  requireOptions(options, {
    to: requireString,
    all: requireBoolean,
    lockTimeoutMs: integer({ min: 1 }),
  });
  const { to, all = false, lockTimeoutMs } = options;
  const target = to === undefined ? undefined : requireMigration(to);
  if (target !== undefined && all) {
    throw new InvalidInputError(['options', 'to'], 'cannot be combined with options.all');
  }

  return withTargetDatabase(options, { mustExist: true }, (db) =>
    inLockedTransaction(db, lockTimeoutMs, async (tx) => {
      const history = await readMigrationHistory(tx);
      requireKnownMigrations(history);
      if (target !== undefined) requireApplied(target, history);
      if (history.applied.length > 0) await requireLedgerInSearchPath(tx);
      await requireNoPartitions(tx);
      if (await hasVectorsTable(tx)) {
        await requireUndistributed(tx, defaultTables, {
          change: 'Migrations cannot be undone',
          hint: 'Copy the rows into a new database that is not distributed. See docs/scaling.md.',
        });
      }
      const newestToKeep = target ?? (all ? undefined : history.applied.at(-2));
      const newerThan = newestToKeep?.when ?? 0;
      const result: RollbackResult = { undone: [], warnings: [] };
      for (const migration of history.applied.toReversed()) {
        if (migration.when <= newerThan) break;
        result.warnings.push(...(await undoMigration(tx, migration)));
        result.undone.push(migration.tag);
      }
      return result;
    }),
  );
}

/** @throws {InvalidInputError} The package has no migration with this tag. */
function requireMigration(tag: string): Migration {
  const migrations = listMigrations();
  const found = migrations.find((migration) => migration.tag === tag);
  if (found !== undefined) return found;
  const tags = migrations.map((migration) => migration.tag).join(', ');
  throw new InvalidInputError(
    ['options', 'to'],
    `unknown migration ${JSON.stringify(String(tag))}; expected one of ${tags}`,
  );
}

/** @throws {MigrationError} The database has migrations that this version of the package cannot undo. */
function requireKnownMigrations({ unknown }: MigrationHistory): void {
  if (unknown === 0) return;
  throw new MigrationError(
    `The database has ${unknown} ${unknown === 1 ? 'migration' : 'migrations'} that this version of the package ` +
      'does not have: roll back with the version that applied them',
  );
}

/** @throws {MigrationError} The ledger is partitioned, which the files of the migrations do not know. */
async function requireNoPartitions(tx: Db): Promise<void> {
  const { kind } = await readShape(tx, defaultTables);
  if (kind !== 'partitioned') return;
  const hint = 'Run "npx colpali-vectors partition --undo --apply" first.';
  throw new MigrationError(
    `Migrations cannot be undone while "vectors" is partitioned\nHint: ${hint}`,
    { hint },
  );
}

/** @throws {MigrationError} The migration is not applied. */
function requireApplied(target: Migration, { applied }: MigrationHistory): void {
  if (applied.some(({ tag }) => tag === target.tag)) return;
  throw new MigrationError(`Migration ${target.tag} is not applied to this database`, {
    tag: target.tag,
  });
}
