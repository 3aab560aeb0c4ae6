import { readFileSync } from 'node:fs';
import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../../src/db.ts';
import { execute } from './database.ts';

/**
 * Databases that Alembic and SQLAlchemy created, as pg_dump wrote them.
 *
 * - `plain`: pages count from 1; ids are JSON lists.
 * - `mixed`: pages count from 0; some ids are separated by commas or are 64-bit integers; some pages are
 *   recorded twice.
 */
export type LegacyDump = 'plain' | 'mixed';

/** The text of the dump. */
export function readLegacyDump(name: LegacyDump): string {
  return readFileSync(new URL(`../fixtures/alembic-${name}.sql`, import.meta.url), 'utf8');
}

/** Creates the dump's tables and their rows. */
export async function loadLegacyDump(db: Db, name: LegacyDump): Promise<void> {
  const statements = readLegacyDump(name).split(/;\n/);
  await execute(
    db,
    ...statements.filter((statement) => /[a-z]/i.test(statement.replaceAll(/^--.*$/gm, ''))),
  );
}

/** All rows of the dump's tables that belong to the host. */
export async function readHostTables(db: Db): Promise<unknown> {
  return {
    documents: rowsOf(await db.execute(sql`select * from documents order by id`)),
    users: rowsOf(await db.execute(sql`select * from users order by id`)),
    alembic: rowsOf(await db.execute(sql`select * from alembic_version`)),
  };
}

/** Statements that create the original's tables, as its Alembic migration does, without rows. */
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
