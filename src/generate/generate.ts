import { relative } from 'node:path';
import { InvalidInputError } from '../errors.ts';
import { loadModule, readDrizzleProject } from './drizzle-project.ts';
import { findLedgers } from './find-ledgers.ts';
import { type GeneratedMigration, generateLedgerMigration } from './ledger-migration.ts';

/** Where the host's schema and migrations are. */
export interface GenerateOptions {
  /** The configuration of drizzle-kit. {@defaultValue `drizzle.config.ts`, `.js` or `.json`} */
  config?: string | undefined;
  /** A path or a glob, instead of the configuration. */
  schema?: string | undefined;
  /** The folder of the migrations, with `schema`. {@defaultValue `drizzle`} */
  out?: string | undefined;
}

/**
 * Writes a migration with the SQL of the ledgers that the host's schema exports, unless its migrations have that SQL.
 *
 * @throws {InvalidInputError} A file is not found, or no ledger is exported and none is in the migrations.
 * @throws {MigrationError} A file cannot be loaded, or the tables are in no migration yet.
 */
export async function generate(options: GenerateOptions): Promise<GeneratedMigration> {
  const project = await readDrizzleProject(options);
  const modules: Record<string, unknown>[] = [];
  for (const file of project.schemaFiles) modules.push(await loadModule(file));
  // Do not fail here if the schema has no ledger. Its last ledger may have been removed, and the new migration must then
  // drop that ledger's functions.
  const result = await generateLedgerMigration(project, findLedgers(modules));
  if (result.ledgers.length > 0) return result;
  const files = project.schemaFiles.map((file) => relative('.', file)).join(', ');
  throw new InvalidInputError(
    ['schema'],
    `no ledger is exported by ${files}: export what defineLedger returns`,
  );
}
