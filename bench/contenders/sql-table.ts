/** Plain SQL on the tables `documents` and `vectors`. */
import { type PageRow, type PageTable, partition } from './page-table.ts';
import type { SqlClient } from './sql-client.ts';

const columns = 'doc_id as "docId", page, vector_ids as "vectorIds"';

export function sqlTable<VectorIds>({ query }: SqlClient): PageTable<VectorIds> {
  return {
    selectPage: (docId, page) =>
      query(`select ${columns} from vectors where doc_id = $1 and page = $2`, [docId, page]),
    selectDocument: (docId) =>
      query(`select ${columns} from vectors where doc_id = $1 order by page`, [docId]),
    selectPages: (keys) =>
      query(
        `select ${columns} from vectors
        where (doc_id, page) in (select * from unnest($1::integer[], $2::integer[]))`,
        [keys.map(({ docId }) => docId), keys.map(({ page }) => page)],
      ),
  };
}

/**
 * Inserts rows whose `vectorIds` is JSON, 100 per statement: about 4 MB.
 *
 * It sends a list of values instead of three arrays: in an array the driver would escape every quote of
 * the JSON, which takes longer than the insert.
 */
export async function insertRows(
  { query }: SqlClient,
  rows: readonly PageRow<string>[],
  type: 'text' | 'jsonb',
): Promise<void> {
  for (const part of partition(rows, 100)) {
    const values = part.map(
      (_, row) => `($${row * 3 + 1}, $${row * 3 + 2}, $${row * 3 + 3}::text::${type})`,
    );
    await query(
      `insert into vectors (doc_id, page, vector_ids) values ${values.join(', ')}`,
      part.flatMap(({ docId, page, vectorIds }) => [docId, page, vectorIds]),
    );
  }
}

export async function insertDocuments(
  { query }: SqlClient,
  docIds: readonly number[],
): Promise<void> {
  await query('insert into documents (id) select unnest($1::integer[])', [docIds]);
}

export async function deletePages({ query }: SqlClient, docId: number): Promise<void> {
  await query('delete from vectors where doc_id = $1', [docId]);
}
