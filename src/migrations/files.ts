import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * The table in the schema `drizzle` that lists the applied migrations.
 *
 * It is not Drizzle's default table, which may list the host's own migrations: Drizzle's migrator silently skips
 * every file that is older than the newest entry in its table.
 */
export const migrationsTable = '__colpali_vectors_migrations';

/** A migration that this package ships, as listed in `drizzle/meta/_journal.json`. */
export interface Migration {
  /** The name of its file without `.sql`: `0000_create_vectors`. */
  tag: string;
  /** When it was generated, in milliseconds since 1970. The migrations table identifies a migration by this number. */
  when: number;
}

/** Returns the absolute path of the folder with the shipped migrations, drizzle-kit's `out`. */
export function migrationsFolder(): string {
  // src/ and dist/ are both next to drizzle/, so one relative path works for both.
  return fileURLToPath(new URL('../../drizzle', import.meta.url));
}

/** Lists the shipped migrations, oldest first. */
export function listMigrations(): Migration[] {
  const journal = JSON.parse(readFileSync(`${migrationsFolder()}/meta/_journal.json`, 'utf8'));
  return journal.entries;
}

/** Reads the statements that undo a migration, in order. */
export function readDownStatements(tag: string): string[] {
  const file = readFileSync(`${migrationsFolder()}/down/${tag}.sql`, 'utf8');
  return file.split('--> statement-breakpoint');
}
