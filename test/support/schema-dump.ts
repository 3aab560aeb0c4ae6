import { join } from 'node:path';
import type { Db } from '../../src/index.ts';
import { formatSchemaObjects, readSchemaObjects } from '../../src/migrations/drift.ts';
import { migrationsFolder } from '../../src/migrations/files.ts';

/** What the migrations give, as a file: committed, so that a review sees every change of it. */
export const schemaFile = join(migrationsFolder(), 'schema.sql');

/** The ledger's own objects as text. */
export async function dumpSchema(db: Db): Promise<string> {
  return formatSchemaObjects(await readSchemaObjects(db));
}
