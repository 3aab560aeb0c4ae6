import { sql } from 'drizzle-orm';
import { readMigrationFiles } from 'drizzle-orm/migrator';
import { type Db, rowsOf } from '../../src/db.ts';
import { listMigrations, migrationsFolder, migrationsTable } from '../../src/migrations/files.ts';

/** The tags of all migrations, oldest first. */
export const tags = listMigrations().map(({ tag }) => tag);

/** Applies the migrations up to and including `tag`, without writing them to the journal. */
export async function applyUpTo(db: Db, tag: string): Promise<void> {
  const newest = listMigrations().find((migration) => migration.tag === tag)?.when ?? 0;
  const files = readMigrationFiles({ migrationsFolder: migrationsFolder() });
  await db.transaction(async (tx) => {
    for (const statement of files.flatMap((file) =>
      file.folderMillis <= newest ? file.sql : [],
    )) {
      await tx.execute(sql.raw(statement));
    }
  });
}

/** The tags in the database's journal, oldest first; `unknown` for a migration that is not ours. */
export async function readJournal(db: Db): Promise<string[]> {
  const rows = rowsOf<{ created_at: string | number }>(
    await db.execute(
      sql`select created_at from drizzle.${sql.identifier(migrationsTable)} order by created_at`,
    ),
  );
  return rows.map(
    ({ created_at }) =>
      listMigrations().find(({ when }) => when === Number(created_at))?.tag ?? 'unknown',
  );
}

/** Adds a migration that this version of the package does not have to the journal. */
export async function listUnknownMigration(db: Db): Promise<void> {
  await db.execute(
    sql`insert into drizzle.${sql.identifier(migrationsTable)} (hash, created_at) values ('x', 9999999999999)`,
  );
}

/** Removes a migration from the journal and leaves its changes in place. */
export async function forgetMigration(db: Db, tag: string): Promise<void> {
  const when = listMigrations().find((migration) => migration.tag === tag)?.when;
  await db.execute(
    sql`delete from drizzle.${sql.identifier(migrationsTable)} where created_at = ${when}`,
  );
}
