import { deepStrictEqual } from 'node:assert';
import { encodeVectorIds, patchVectorIds } from '../../src/index.ts';
import type { BenchPageKey } from '../contender.ts';
import type { SqlClient } from '../contenders/sql-client.ts';

/** Filled tables have documents of so many pages. */
export const pagesADocument = 100;

/** The n-th page of a filled table, from 0. */
export function filledPage(n: number): BenchPageKey {
  return { docId: Math.floor(n / pagesADocument) + 1, page: (n % pagesADocument) + 1 };
}

const statementPages = 100_000;

/**
 * Adds pages of computed ids to the package's tables on the server itself, a hundred times as fast as a
 * client could encode them: the pages from `from` to below `to`, as `filledPage` numbers them.
 *
 * @throws {AssertionError} The rows are not those that the package writes.
 */
export async function fillComputed(
  client: SqlClient,
  { from, to, idsPerPage }: { from: number; to: number; idsPerPage: number },
): Promise<void> {
  await fillPages(
    client,
    { from, to },
    // Pages below 4096 and up to 4096 ids: one run a page, all of whose digits but these are fixed.
    `jsonb_build_array(jsonb_build_object(
      'prefix',
      lpad(to_hex(doc_id), 8, '0') || '-0000-8' || lpad(to_hex(page), 3, '0') || '-8000-000000000',
      'from', '000', 'count', ${idsPerPage}, 'radix', 16))`,
  );
  await client.run('analyze');
  for (const n of [from, to - 1]) await checkFilledPage(client, filledPage(n), idsPerPage);
}

/** Adds pages with one random id each, as stores have them that keep a page's vectors at one point. */
export async function fillSingle(
  client: SqlClient,
  { from, to }: { from: number; to: number },
): Promise<void> {
  await fillPages(client, { from, to }, 'jsonb_build_array(gen_random_uuid()::text)');
  await client.run('analyze');
}

/** @param vectorIds - An SQL expression of `doc_id` and `page`. */
async function fillPages(
  client: SqlClient,
  { from, to }: { from: number; to: number },
  vectorIds: string,
): Promise<void> {
  for (let first = from; first < to; first += statementPages) {
    const last = Math.min(first + statementPages, to) - 1;
    await client.query(
      `insert into documents (id)
      select generate_series($1::integer, $2::integer) on conflict do nothing`,
      [filledPage(first).docId, filledPage(last).docId],
    );
    await client.query(
      `insert into vectors (doc_id, page, vector_ids)
      select doc_id, page, ${vectorIds}
      from generate_series($1::integer, $2::integer) as n
      cross join lateral (select n / $3::integer + 1, n % $3::integer + 1) as place (doc_id, page)`,
      [first, last, pagesADocument],
    );
  }
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
  deepStrictEqual(row?.vectorIds, encodeVectorIds(ids), 'the filled rows are not the package’s');
}
