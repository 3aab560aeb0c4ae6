import { type Generated, Kysely, PostgresDialect, sql } from 'kysely';
import { originalDesign, originalTables } from '../original.ts';
import { openPool } from './pool.ts';

interface Tables {
  documents: { id: Generated<number> };
  vectors: { id: Generated<number>; doc_id: number; page: number; vector_ids: string };
}

const columns = ['doc_id as docId', 'page', 'vector_ids as vectorIds'] as const;

/** Uses node-postgres. */
export const originalKysely = originalDesign('Kysely', {
  packages: ['kysely', 'pg'],
  async connect(url) {
    const pool = openPool(url);
    const db = new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
    await sql.raw(originalTables).execute(db);
    return {
      insertDocuments: (docIds) =>
        db
          .insertInto('documents')
          .values(docIds.map((id) => ({ id })))
          .execute(),
      insertRows: (rows) =>
        db
          .insertInto('vectors')
          .values(
            rows.map(({ docId, page, vectorIds }) => ({
              doc_id: docId,
              page,
              vector_ids: vectorIds,
            })),
          )
          .execute(),
      selectPage: (docId, page) =>
        db
          .selectFrom('vectors')
          .select(columns)
          .where('doc_id', '=', docId)
          .where('page', '=', page)
          .execute(),
      selectDocument: (docId) =>
        db
          .selectFrom('vectors')
          .select(columns)
          .where('doc_id', '=', docId)
          .orderBy('page')
          .execute(),
      selectPages: (keys) =>
        db
          .selectFrom('vectors')
          .select(columns)
          .where(({ eb, refTuple, tuple }) =>
            eb(
              refTuple('doc_id', 'page'),
              'in',
              keys.map(({ docId, page }) => tuple(docId, page)),
            ),
          )
          .execute(),
      deletePages: (docId) => db.deleteFrom('vectors').where('doc_id', '=', docId).execute(),
      close: () => db.destroy(),
    };
  },
});
