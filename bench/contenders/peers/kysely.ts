import { type Generated, Kysely, PostgresDialect, sql } from 'kysely';
import { Pool } from 'pg';
import type { Contender } from '../../contender.ts';
import { inOrderOf, partsOf } from '../list-rows.ts';
import {
  originalDesign,
  originalPagesAStatement,
  originalTables,
  parseOriginalRow,
  toOriginalRow,
} from '../original.ts';

interface Tables {
  documents: { id: Generated<number> };
  vectors: { id: Generated<number>; doc_id: number; page: number; vector_ids: string };
}

const columns = ['doc_id as docId', 'page', 'vector_ids as vectorIds'] as const;

/** The original design on Kysely, with node-postgres. */
export const originalKysely: Contender = {
  ...originalDesign,
  name: 'original design, Kysely',
  packages: ['kysely', 'pg'],
  async open(url) {
    const pool = new Pool({ connectionString: url });
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    await sql.raw(originalTables).execute(db);
    return {
      async addDocuments(docIds) {
        await db
          .insertInto('documents')
          .values(docIds.map((id) => ({ id })))
          .execute();
      },
      async writePages(pages) {
        for (const part of partsOf(pages.map(toOriginalRow), originalPagesAStatement)) {
          await db
            .insertInto('vectors')
            .values(
              part.map(({ docId, page, vectorIds }) => ({
                doc_id: docId,
                page,
                vector_ids: vectorIds,
              })),
            )
            .execute();
        }
      },
      async findByPage(docId, page) {
        const rows = await db
          .selectFrom('vectors')
          .select(columns)
          .where('doc_id', '=', docId)
          .where('page', '=', page)
          .execute();
        return rows.flatMap((row) => parseOriginalRow(row).vectorIds);
      },
      async findByDocument(docId) {
        const rows = await db
          .selectFrom('vectors')
          .select(columns)
          .where('doc_id', '=', docId)
          .orderBy('page')
          .execute();
        return rows.map((row) => parseOriginalRow(row).vectorIds);
      },
      async findByPages(keys) {
        const rows = await db
          .selectFrom('vectors')
          .select(columns)
          .where(({ eb, refTuple, tuple }) =>
            eb(
              refTuple('doc_id', 'page'),
              'in',
              keys.map(({ docId, page }) => tuple(docId, page)),
            ),
          )
          .execute();
        return inOrderOf(keys, rows.map(parseOriginalRow));
      },
      close: () => db.destroy(),
    };
  },
};
