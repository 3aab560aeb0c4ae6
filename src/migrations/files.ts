import { embeddedMigrations } from './sql.generated.ts';

/**
 * The table in the schema `drizzle` that lists the applied migrations.
 *
 * It is not Drizzle's default table, which may list the host's own migrations: Drizzle's migrator silently skips
 * every file that is older than the newest entry in its table.
 */
export const migrationsTable = '__colpali_vectors_migrations';

/** A migration that this package ships: a file of `drizzle/`, as `sql.generated.ts` contains it. */
export interface Migration {
  /** The name of its file without `.sql`: `0000_20250524_vectors`. */
  tag: string;
  /** When it was generated, in milliseconds since 1970. The migrations table identifies a migration by this number. */
  when: number;
  /** The SHA-256 of its file, in hexadecimal. drizzle-kit stores it, but does not read it. */
  hash: string;
  /** The text of its file. */
  up: string;
  /** The text of the file in `drizzle/down/` that undoes it. */
  down: string;
}

/** Lists the shipped migrations, oldest first. */
export function listMigrations(): readonly Migration[] {
  return embeddedMigrations;
}

/** Splits the text of a file into its statements, as drizzle-kit does. */
export function statementsOf(file: string): string[] {
  return file.split('--> statement-breakpoint');
}
