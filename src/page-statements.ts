import { createHash } from 'node:crypto';
import { and, between, eq, sql } from 'drizzle-orm';
import { type Db, rowsOf } from './database.ts';
import { once } from './once.ts';
import { isOneOf, selectPages } from './pages.ts';
import type { VectorTables } from './tables.ts';
import type { StoredVectorId } from './vector-ids.ts';

/** The statements that read pages. */
export type PageStatements = ReturnType<typeof createPageStatements>;

/**
 * Those that look pages up by their keys are built at their first use and kept.
 *
 * @param prepare - Let PostgreSQL parse each of them once a connection. Building and parsing the
 *   statement takes longer than the lookup itself.
 */
export function createPageStatements(db: Db, tables: VectorTables, prepare: boolean) {
  const { vectors } = tables;
  const docId = sql.placeholder('docId');
  const keys = { docIds: sql.placeholder('docIds'), pages: sql.placeholder('pages') };
  const stored = {
    docId: vectors.docId,
    page: vectors.page,
    // Not decoded: to find an id among runs takes no list of them all.
    stored: sql<StoredVectorId[]>`${vectors.vectorIds}`,
  };

  function statement<Prepared>(query: {
    toSQL(): { sql: string };
    prepare(name: string): Prepared;
  }): Prepared {
    // By its text: node-postgres refuses one name for two. Without a name it is not prepared.
    const name = `colpali_vectors_${hash(query.toSQL().sql)}`;
    return query.prepare(prepare ? name : (undefined as unknown as string));
  }

  return {
    byDocument: once(() => statement(selectPages(db, tables, eq(vectors.docId, docId)))),
    byPage: once(() =>
      statement(
        selectPages(
          db,
          tables,
          and(eq(vectors.docId, docId), eq(vectors.page, sql.placeholder('page'))),
        ),
      ),
    ),
    byPageRange: once(() =>
      statement(
        selectPages(
          db,
          tables,
          and(
            eq(vectors.docId, docId),
            between(vectors.page, sql.placeholder('first'), sql.placeholder('last')),
          ),
        ),
      ),
    ),
    byKeys: once(() => statement(selectPages(db, tables, isOneOf(tables, keys)))),
    storedByKeys: once(() =>
      statement(db.select(stored).from(vectors).where(isOneOf(tables, keys)).$dynamic()),
    ),
    /** The pages whose stored list contains one of `lists`, JSON arrays as text; by document and page. */
    storedWithOneOf: (lists: string[]) =>
      db.transaction(async (tx) => {
        // PostgreSQL expects every list on a hundredth of all pages, and would compile the statement for longer
        // than it runs. Put back afterwards: the transaction may be the host's.
        const [before] = rowsOf<{ jit: string }>(
          await tx.execute(
            sql`select current_setting('jit') as jit, set_config('jit', 'off', true)`,
          ),
        );
        const rows = await statement(selectStoredWithOneOf(tx, tables)).execute({ lists });
        await tx.execute(sql`select set_config('jit', ${before?.jit}, true)`);
        return rows;
      }),
  };
}

function selectStoredWithOneOf(db: Db, { vectors }: VectorTables) {
  return db
    .select({
      docId: sql<number>`found.doc_id`,
      page: sql<number>`found.page`,
      stored: sql<StoredVectorId[]>`holder.vector_ids`,
    })
    .from(
      // A list at a time, as `offset 0` has it, and then a page at a time, as `limit 1` does: free to choose,
      // PostgreSQL reads the whole table for three lists, so many pages does it expect for each. And
      // `@> any (array)` would check every list against every row it finds.
      sql`(
          select distinct candidate.doc_id, candidate.page
          from unnest(${sql.placeholder('lists')}::text[]) as wanted (list)
          cross join lateral (
            select doc_id, page from ${vectors} as holding
            where holding.vector_ids @> wanted.list::jsonb
            offset 0
          ) as candidate
        ) as found (doc_id, page)`,
    )
    .crossJoinLateral(
      sql`(
          select vector_ids from ${vectors} as held
          where held.doc_id = found.doc_id and held.page = found.page
          limit 1
        ) as holder`,
    )
    .orderBy(sql`found.doc_id`, sql`found.page`)
    .$dynamic();
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}
