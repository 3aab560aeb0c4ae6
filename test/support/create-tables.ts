import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import type { Db } from '../../src/index.ts';
import { execute } from './database.ts';

/** Creates the tables that a host's schema file exports, with the statements of `drizzle-kit generate`. */
export async function createTables(db: Db, exports: Record<string, unknown>): Promise<void> {
  const before = generateDrizzleJson({});
  await execute(db, ...(await generateMigration(before, generateDrizzleJson(exports, before.id))));
}
