import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';
import { listMigrations, type Migration, migrationsTable } from './files.ts';

/** Which of the shipped migrations a database has. */
export interface MigrationHistory {
  /** Applied migrations, oldest first. */
  applied: Migration[];
  /** Migrations newer than every applied one, oldest first. The next `migrate` applies them. */
  pending: Migration[];
  /** Migrations that are not applied although a newer one is. Drizzle's migrator would never apply them. */
  skipped: Migration[];
  /** Number of applied migrations that this version of the package does not have. */
  unknown: number;
}

/** Compares the shipped migrations with the ones that the database lists as applied. */
export async function readMigrationHistory(db: Db): Promise<MigrationHistory> {
  const listed = await readAppliedTimes(db);
  const migrations = listMigrations();
  const newest = Math.max(...listed, 0);
  const applied = migrations.filter(({ when }) => listed.has(when));
  const missing = migrations.filter(({ when }) => !listed.has(when));
  return {
    applied,
    pending: missing.filter(({ when }) => when > newest),
    skipped: missing.filter(({ when }) => when < newest),
    unknown: listed.size - applied.length,
  };
}

/** @throws {MigrationError} A migration was skipped. */
export function requireNoSkippedMigration({ skipped }: MigrationHistory): void {
  const [oldest] = skipped;
  if (oldest === undefined) return;
  throw new MigrationError(
    `Migration ${oldest.tag} is not applied to this database, but a newer migration is. ` +
      'The developers of this package must generate it again with drizzle-kit, so that it becomes the newest.',
    { tag: oldest.tag },
  );
}

/** Reads `when` of each migration that the database lists as applied. */
async function readAppliedTimes(db: Db): Promise<Set<number>> {
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
