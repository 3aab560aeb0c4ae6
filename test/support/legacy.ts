import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import type { Db } from '../../src/index.ts';

/**
 * Databases that Alembic and SQLAlchemy made, as pg_dump wrote them.
 *
 * - `plain`: pages from 1, ids as JSON lists.
 * - `mixed`: pages from 0, ids also between commas and as 64-bit integers, pages recorded twice.
 */
export type LegacyDump = 'plain' | 'mixed';

/** The dump as statements. */
function readLegacyDump(name: LegacyDump): string {
  return readFileSync(new URL(`../fixtures/alembic-${name}.sql`, import.meta.url), 'utf8');
}

/** Restores the dump into an empty database. */
export async function loadLegacyDump(name: LegacyDump, db: Db): Promise<void> {
  // One statement at a time: PGlite's and postgres.js's parsed queries take no more.
  for (const statement of readLegacyDump(name).split(/;\n/)) {
    if (/[a-z]/i.test(statement.replaceAll(/^--.*$/gm, ''))) {
      await db.execute(sql.raw(statement));
    }
  }
}

/** A row of the original `vectors` table. */
export interface LegacyRow {
  id: number;
  docId: number;
  page: number;
  vectorIds: string;
}

/** The rows of the dump's `vectors` table, read from its text. */
export function readLegacyRows(name: LegacyDump): LegacyRow[] {
  const insert = /^INSERT INTO public\.vectors VALUES \((\d+), (\d+), (\d+), '(.*)'\);$/gm;
  return [...readLegacyDump(name).matchAll(insert)].map(([, id, docId, page, vectorIds = '']) => ({
    id: Number(id),
    docId: Number(docId),
    page: Number(page),
    vectorIds,
  }));
}
