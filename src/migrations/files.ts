import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/**
 * Where the applied migrations are listed, in the schema `drizzle`.
 *
 * Not Drizzle's default table: a host with Drizzle migrations of its own keeps them there, and the
 * migrator skips in silence whatever is older than the newest entry it finds.
 */
export const migrationsTable = '__colpali_vectors_migrations';

/** A migration as it stands in `drizzle/meta/_journal.json`. */
export interface Migration {
  /** Its file's name without the ending: `0000_create_vectors`. */
  tag: string;
  /** When it was generated, in milliseconds since 1970; what the applied ones are known by. */
  when: number;
}

/** The folder of the shipped migrations, an absolute path; for drizzle-kit's `out`. */
export function migrationsFolder(): string {
  // The same from src/ and from dist/: both folders lie beside drizzle/.
  return fileURLToPath(new URL('../../drizzle', import.meta.url));
}

/** The shipped migrations, oldest first. */
export function listMigrations(): Migration[] {
  const journal = JSON.parse(readFileSync(`${migrationsFolder()}/meta/_journal.json`, 'utf8'));
  return journal.entries;
}

/** The statements that undo a migration, in order. */
export function readDownStatements(tag: string): string[] {
  const file = readFileSync(`${migrationsFolder()}/down/${tag}.sql`, 'utf8');
  return file.split('--> statement-breakpoint');
}
