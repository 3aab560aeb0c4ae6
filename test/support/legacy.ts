import { readFileSync } from 'node:fs';

/**
 * Databases that Alembic and SQLAlchemy made, as pg_dump wrote them.
 *
 * - `plain`: pages from 1, ids as JSON lists.
 * - `mixed`: pages from 0, ids also between commas and as 64-bit integers, pages recorded twice.
 */
export type LegacyDump = 'plain' | 'mixed';

/** The dump as statements. */
export function readLegacyDump(name: LegacyDump): string {
  return readFileSync(new URL(`../fixtures/alembic-${name}.sql`, import.meta.url), 'utf8');
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
