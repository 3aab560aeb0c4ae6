import { deepStrictEqual } from 'node:assert';
import { availableParallelism } from 'node:os';
import { encodeVectorIds, patchVectorIds } from '../../src/index.ts';
import type { BenchPageKey } from '../contender.ts';
import type { SqlClient } from '../contenders/sql-client.ts';

/** The pages `from` to `to - 1`, numbered from 0 across all documents. */
interface PageSpan {
  from: number;
  to: number;
}

/** Pages in each document of a filled table. */
export const pagesPerDocument = 100;

/** The n-th page of a filled table, from 0. */
export function filledPage(n: number): BenchPageKey {
  return { docId: Math.floor(n / pagesPerDocument) + 1, page: (n % pagesPerDocument) + 1 };
}

const pagesPerStatement = 100_000;

/**
 * Adds pages of patch ids to the package's tables.
 *
 * The server generates the rows itself, a hundred times as fast as a client could encode them.
 *
 * @throws {AssertionError} If the rows differ from those that the package writes.
 */
export async function fillPatchIds(
  client: SqlClient,
  { from, to, idsPerPage }: PageSpan & { idsPerPage: number },
): Promise<void> {
  await fillPages(client, { from, to }, patchIds(idsPerPage));
  for (const n of [from, to - 1]) await checkFilledPage(client, filledPage(n), idsPerPage);
}

/** The patch ids of a page in SQL: one run, for page numbers below 4096 and at most 4096 ids. */
function patchIds(idsPerPage: number, docId = 'doc_id'): string {
  return `jsonb_build_array(jsonb_build_object(
    'prefix',
    lpad(to_hex(${docId}), 8, '0') || '-0000-8' || lpad(to_hex(page), 3, '0') || '-8000-000000000',
    'from', '000', 'count', ${idsPerPage}, 'radix', 16))`;
}

/** Adds pages with one random id each, as for a store with one multi-vector point per page. */
export async function fillOneRandomId(client: SqlClient, span: PageSpan): Promise<void> {
  await fillPages(client, span, 'jsonb_build_array(gen_random_uuid()::text)');
}

/**
 * Adds pages of all kinds: 1030 random ids on one page in a hundred; of the others, every second one has patch ids,
 * and the rest have one random id each.
 */
export async function fillMixture(
  client: SqlClient,
  { idsPerPage, ...span }: PageSpan & { idsPerPage: number },
): Promise<void> {
  const vectorIds = `case
    when page % 100 = 0 then jsonb_build_array(jsonb_build_object('uuids', (
      select translate(encode(string_agg(uuid_send(gen_random_uuid()), ''), 'base64'), E'\\n', '')
      from generate_series(1, ${idsPerPage}) where page > 0
    )))
    when page % 2 = 0 then ${patchIds(idsPerPage)}
    else jsonb_build_array(gen_random_uuid()::text)
  end`;
  await withoutIndex(client, () => fillPages(client, span, vectorIds));
}

/**
 * Fills an empty ledger with pages of patch ids, but every tenth page has one random id.
 *
 * As many statements run at once as there are cores. Citus runs each on all shards at once: each page is made where its
 * document is, its row id is not from a sequence, and no function is volatile.
 */
export async function fillPatchAndSingleIds(
  client: SqlClient,
  { pages, idsPerPage }: { pages: number; idsPerPage: number },
): Promise<void> {
  let next = 0;
  const fill = async () => {
    while (next < pages) {
      const last = Math.min(next + pagesPerStatement, pages) - 1;
      const documents = [filledPage(next).docId, filledPage(last).docId];
      next = last + 1;
      await addDocuments(client, documents);
      await client.query(
        `insert into vectors (id, doc_id, page, vector_ids)
        select (documents.id - 1) * ${pagesPerDocument} + page, documents.id, page,
          case when page % 10 = 0
            then jsonb_build_array(md5(documents.id || '/' || page)::uuid::text)
            else ${patchIds(idsPerPage, 'documents.id')}
          end
        from documents, generate_series(1, ${pagesPerDocument}) as page
        where documents.id between $1::integer and $2::integer
          and (documents.id - 1) * ${pagesPerDocument} + page <= ${last + 1}`,
        documents,
      );
    }
  };
  await withoutIndex(client, async () => {
    await Promise.all(Array.from({ length: availableParallelism() }, fill));
    await client.query(`select setval(pg_get_serial_sequence('vectors', 'id'), $1)`, [pages]);
    await client.run('analyze');
  });
}

/** Builds the index on ids after the pages were added. That takes a fraction of the time. */
async function withoutIndex(client: SqlClient, work: () => Promise<void>): Promise<void> {
  const [index] = await client.query<{ definition: string }>(
    `select pg_get_indexdef('ix_vectors_vector_ids'::regclass) as definition`,
  );
  await client.run('drop index ix_vectors_vector_ids');
  await work();
  await client.run(index?.definition.replace(' ON ONLY ', ' ON ') ?? '');
}

/** @param vectorIds - An SQL expression of `doc_id` and `page`. */
async function fillPages(
  client: SqlClient,
  { from, to }: PageSpan,
  vectorIds: string,
): Promise<void> {
  for (let first = from; first < to; first += pagesPerStatement) {
    const last = Math.min(first + pagesPerStatement, to) - 1;
    await addDocuments(client, [filledPage(first).docId, filledPage(last).docId]);
    await client.query(
      `insert into vectors (doc_id, page, vector_ids)
      select doc_id, page, ${vectorIds}
      from generate_series($1::integer, $2::integer) as n
      cross join lateral (select n / $3::integer + 1, n % $3::integer + 1) as key (doc_id, page)`,
      [first, last, pagesPerDocument],
    );
  }
  await client.run('analyze');
}

async function addDocuments(client: SqlClient, firstAndLast: number[]): Promise<void> {
  await client.query(
    `insert into documents (id)
    select generate_series($1::integer, $2::integer) on conflict do nothing`,
    firstAndLast,
  );
}

async function checkFilledPage(
  { query }: SqlClient,
  { docId, page }: BenchPageKey,
  idsPerPage: number,
): Promise<void> {
  const [row] = await query<{ vectorIds: unknown }>(
    'select vector_ids as "vectorIds" from vectors where doc_id = $1 and page = $2',
    [docId, page],
  );
  const ids = patchVectorIds({ docId, page, count: idsPerPage });
  deepStrictEqual(
    row?.vectorIds,
    encodeVectorIds(ids),
    'the filled rows differ from those that the package writes',
  );
}
