import { join } from 'node:path';
import type { Db } from '../../src/index.ts';
import { readLedgerObjects } from '../../src/migrations/catalog.ts';
import { migrationsFolder } from '../../src/migrations/files.ts';
import { formatSchemaFile } from '../../src/migrations/schema-file.ts';

/** What the migrations give, as a file: committed, so that a review sees every change of it. */
export const schemaFile = join(migrationsFolder(), 'schema.sql');

/** The ledger's own objects as text. */
export async function dumpSchema(db: Db): Promise<string> {
  return formatSchemaFile(await readLedgerObjects(db));
}
