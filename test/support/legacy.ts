import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../../src/db.ts';
import { execute } from './database.ts';

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

/** Makes the dump's tables, with their rows. */
export async function loadLegacyDump(db: Db, name: LegacyDump): Promise<void> {
  const statements = readLegacyDump(name).split(/;\n/);
  await execute(
    db,
    ...statements.filter((statement) => /[a-z]/i.test(statement.replaceAll(/^--.*$/gm, ''))),
  );
}

/** Everything of the dump's tables that are not ours. */
export async function readHostTables(db: Db): Promise<unknown> {
  return {
    documents: rowsOf(await db.execute(sql`select * from documents order by id`)),
    users: rowsOf(await db.execute(sql`select * from users order by id`)),
    alembic: rowsOf(await db.execute(sql`select * from alembic_version`)),
  };
}

/** The original's tables, as its Alembic migration makes them, without rows. */
export const legacyTables = [
  'create table documents (id serial primary key)',
  `create table vectors (
    id serial primary key,
    doc_id integer not null references documents (id) on delete cascade,
    page integer not null,
    vector_ids text not null
  )`,
  'create index ix_vectors_doc_id on vectors (doc_id)',
];

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
