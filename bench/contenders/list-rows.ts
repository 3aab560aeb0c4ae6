import type { BenchPageKey, Session } from '../contender.ts';
import type { SqlClient } from './sql-client.ts';

/** A row whose `vector_ids` the driver has parsed. */
interface ListRow extends BenchPageKey {
  vectorIds: string[];
}

const columns = 'doc_id as "docId", page, vector_ids as "vectorIds"';

/** SQL by hand on a table `vectors` whose `vector_ids` is a JSONB list of ids. */
export function readLists({ query }: SqlClient): Pick<
  Session,
  'findByPage' | 'findByDocument' | 'findByPages'
> & {
  findByDocument: NonNullable<Session['findByDocument']>;
} {
  return {
    async findByPage(docId, page) {
      const [row] = await query<ListRow>(
        `select ${columns} from vectors where doc_id = $1 and page = $2`,
        [docId, page],
      );
      return row?.vectorIds ?? [];
    },
    async findByDocument(docId) {
      const rows = await query<ListRow>(
        `select ${columns} from vectors where doc_id = $1 order by page`,
        [docId],
      );
      return rows.map(({ vectorIds }) => vectorIds);
    },
    async findByPages(keys) {
      const rows = await query<ListRow>(
        `select ${columns} from vectors
        where (doc_id, page) in (select * from unnest($1::integer[], $2::integer[]))`,
        [keys.map(({ docId }) => docId), keys.map(({ page }) => page)],
      );
      return inOrderOf(keys, rows);
    },
  };
}

/** The ids of each page, in the order of `keys`; rows come in any order. */
export function inOrderOf(
  keys: readonly BenchPageKey[],
  rows: readonly (BenchPageKey & { vectorIds: string[] })[],
): string[][] {
  const idsOf = new Map(rows.map(({ docId, page, vectorIds }) => [`${docId}/${page}`, vectorIds]));
  return keys.map(({ docId, page }) => idsOf.get(`${docId}/${page}`) ?? []);
}

/**
 * Inserts rows with a statement for each `rowsAStatement` of them.
 *
 * A list of values, not three arrays: a driver has to escape every quote of JSON in an array of texts,
 * which takes longer than the insert.
 */
export async function insertRows(
  { query }: SqlClient,
  rows: readonly (BenchPageKey & { vectorIds: string })[],
  { rowsAStatement, type }: { rowsAStatement: number; type: 'text' | 'jsonb' },
): Promise<void> {
  for (const part of partsOf(rows, rowsAStatement)) {
    const values = part.map(
      (_, row) => `($${row * 3 + 1}, $${row * 3 + 2}, $${row * 3 + 3}::text::${type})`,
    );
    await query(
      `insert into vectors (doc_id, page, vector_ids) values ${values.join(', ')}`,
      part.flatMap(({ docId, page, vectorIds }) => [docId, page, vectorIds]),
    );
  }
}

/** Adds documents with one statement. */
export function addDocuments({ query }: SqlClient): Session['addDocuments'] {
  return async (docIds) => {
    await query('insert into documents (id) select unnest($1::integer[])', [docIds]);
  };
}

/** `items` in parts of at most `length`. */
export function partsOf<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  );
}
