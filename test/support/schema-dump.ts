import { join } from 'node:path';
import type { Db } from '../../src/index.ts';
import { readLedgerObjects } from '../../src/migrations/catalog.ts';
import { formatSchemaFile } from '../../src/migrations/schema-file.ts';
import { defaultTables } from '../../src/tables.ts';
import { migrationsFolder } from './migrations.ts';

/** The migrated schema as a file. It is committed so that reviewers see every change. */
export const schemaFile = join(migrationsFolder, 'schema.sql');

/** The ledger's objects in this database as text. */
export async function dumpSchema(db: Db): Promise<string> {
  return formatSchemaFile(await readLedgerObjects(db, defaultTables));
}
