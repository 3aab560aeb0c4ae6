import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { listMigrations, type Migration, migrationsTable } from './files.ts';

/** The shipped migrations as one database has them. */
export interface MigrationStates {
  /** Oldest first. */
  applied: Migration[];
  /** Newer than all that are applied, oldest first: the next `migrate` applies them. */
  pending: Migration[];
  /** Older than one that is applied, and not applied: they came too late, and no migrator would see them. */
  skipped: Migration[];
  /** How many the database lists that this version of the package does not have. */
  unknown: number;
}

/** Compares the shipped migrations with those that the database lists. */
export async function readMigrationStates(db: Db): Promise<MigrationStates> {
  const listed = await readApplied(db);
  const migrations = listMigrations();
  const newest = Math.max(...listed, 0);
  const missing = migrations.filter(({ when }) => !listed.has(when));
  const known = migrations.length - missing.length;
  return {
    applied: migrations.filter(({ when }) => listed.has(when)),
    pending: missing.filter(({ when }) => when > newest),
    skipped: missing.filter(({ when }) => when < newest),
    unknown: listed.size - known,
  };
}

/** @throws {MigrationError} A migration was skipped. */
export function requireNoneSkipped({ skipped }: MigrationStates): void {
  const [late] = skipped;
  if (late === undefined) return;
  throw new MigrationError(
    `Migration ${late.tag} came after a newer one had been applied to this database, which would skip it in silence: ` +
      'generate it anew, so that it is the newest',
    { tag: late.tag },
  );
}

/** `when` of each migration that the database lists as applied. */
async function readApplied(db: Db): Promise<Set<number>> {
  const [table] = rowsOf<{ exists: boolean }>(
    await db.execute(
      sql`select to_regclass(${`drizzle.${migrationsTable}`}) is not null as "exists"`,
    ),
  );
  if (!table?.exists) return new Set();
  const applied = await db.execute(
    sql`select created_at from drizzle.${sql.identifier(migrationsTable)}`,
  );
  return new Set(
    rowsOf<{ created_at: string | number }>(applied).map((row) => Number(row.created_at)),
  );
}

/** Whether `vectors` is where the search_path leads. */
export async function hasVectors(db: Db): Promise<boolean> {
  const found = await db.execute(sql`select to_regclass('vectors') is not null as "exists"`);
  return rowsOf<{ exists: boolean }>(found)[0]?.exists === true;
}

/** @throws {MigrationError} Migrations have been applied, but `vectors` is not where the search_path leads. */
export async function requireVectors(db: Db): Promise<void> {
  if (await hasVectors(db)) return;
  throw new MigrationError(
    'The migrations have been applied to this database, but vectors is not in the search_path: ' +
      'a database holds one ledger, in the schema that came first in the search_path',
  );
}
