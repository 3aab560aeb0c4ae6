import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../../src/db.ts';
import { listMigrations, migrationsTable, statementsOf } from '../../src/migrations/files.ts';

/** The folder that drizzle-kit reads. */
export const migrationsFolder = fileURLToPath(new URL('../../drizzle', import.meta.url));

/** The tags of all migrations, oldest first. */
export const tags = listMigrations().map(({ tag }) => tag);

/** Applies the migrations up to and including `tag`, without writing them to the journal. */
export async function applyUpTo(db: Db, tag: string): Promise<void> {
  const newest = listMigrations().find((migration) => migration.tag === tag)?.when ?? 0;
  const files = listMigrations().filter(({ when }) => when <= newest);
  await db.transaction(async (tx) => {
    for (const statement of files.flatMap(({ up }) => statementsOf(up))) {
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
