/** The queue of orphans: which rows are due, and claiming them for a purge. */
import { type SQL, sql } from 'drizzle-orm';
import { slicesOf } from '../batches.ts';
import { type Db, rowsOf } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { decodeVectorIds, encodeVectorIds } from '../ids/codec.ts';
import { readDocId } from '../ledger/read-pages.ts';
import type { VectorTables } from '../tables.ts';

/** Rows of one document and namespace that one call of `deleteVectors` can handle. */
export interface DueBatch {
  /** Null for strays: ids whose document is unknown. */
  docId: DocumentId | null;
  namespace: string | null;
  /** Ids of rows of `vector_orphans`. */
  rows: string[];
}

/** A due row. `id` and `doc_id` are text, because a bigint may exceed 2^53. */
interface DueRow {
  id: string;
  due_us: string;
  doc_id: string | null;
  namespace: string | null;
  vector_count: number;
}

/** How many due rows are listed at once. */
const rowsPerQuery = 1_000;

/**
 * Walks the queue once, in the order in which rows are due, and yields the rows in batches of at most `batchIds`
 * ids. A row with more ids is split into smaller rows first. Skips rows whose page is pending: searches use the old vectors until the new
 * ones are written.
 */
export async function* dueBatches(
  db: Db,
  tables: VectorTables,
  batchIds: number,
): AsyncGenerator<DueBatch> {
  const start = await readClock(db);
  let last: DueRow | undefined;
  do {
    const rows = await listDue(db, tables, start, last);
    const fitting: DueRow[] = [];
    for (const row of rows) {
      // The pieces become due at the time at which the walk started, so it reaches them last.
      if (row.vector_count > batchIds) await splitRow(db, tables, row, batchIds, start);
      else fitting.push(row);
    }
    yield* groupIntoBatches(tables, fitting, batchIds);
    last = rows.length < rowsPerQuery && fitting.length === rows.length ? undefined : rows.at(-1);
  } while (last !== undefined);
}

/** The server's clock in microseconds since 1970: a JavaScript date would lose three digits. */
async function readClock(db: Db): Promise<string> {
  const [clock] = rowsOf<{ now_us: string }>(
    await db.execute(sql`select ${microseconds(sql`clock_timestamp()`)} as now_us`),
  );
  return clock?.now_us ?? '0';
}

function microseconds(timestamp: SQL): SQL {
  return sql`(extract(epoch from ${timestamp}) * 1000000)::bigint::text`;
}

/** A time in microseconds since 1970 as PostgreSQL's timestamp. */
export function timestamp(us: string): SQL {
  return sql`('epoch'::timestamptz + ${us}::text::bigint * interval '1 microsecond')`;
}

async function listDue(
  db: Db,
  { vectors, vectorOrphans }: VectorTables,
  start: string,
  last: DueRow | undefined,
): Promise<DueRow[]> {
  const afterLast =
    last === undefined
      ? sql``
      : sql`and (orphan.due_at, orphan.id) > (${timestamp(last.due_us)}, ${last.id}::text::bigint)`;
  return rowsOf<DueRow>(
    await db.execute(sql`
      select orphan.id::text as id, ${microseconds(sql`greatest(orphan.due_at, 'epoch')`)} as due_us,
        orphan.doc_id::text as doc_id, orphan.namespace, orphan.vector_count
      from ${vectorOrphans} as orphan
      where orphan.due_at <= ${timestamp(start)} ${afterLast} and not ${isOfPendingPage(vectors)}
      order by orphan.due_at, orphan.id
      limit ${sql.raw(String(rowsPerQuery))}`),
  );
}

/** Groups rows by document and namespace, in the order of each document's first row. */
function* groupIntoBatches(
  tables: VectorTables,
  rows: readonly DueRow[],
  batchIds: number,
): Generator<DueBatch> {
  const groups = new Map<string, DueRow[]>();
  for (const row of rows) {
    const key = JSON.stringify([row.doc_id, row.namespace]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [row]);
    else group.push(row);
  }
  for (const group of groups.values()) {
    const [{ doc_id, namespace }] = group as [DueRow];
    const docId = doc_id === null ? null : readDocId(tables, doc_id);
    let batch: string[] = [];
    let ids = 0;
    for (const { id, vector_count: count } of group) {
      if (batch.length > 0 && ids + count > batchIds) {
        yield { docId, namespace, rows: batch };
        batch = [];
        ids = 0;
      }
      batch.push(id);
      ids += count;
    }
    yield { docId, namespace, rows: batch };
  }
}

/** Replaces a row by rows of at most `batchIds` ids, all due at the given time. */
async function splitRow(
  db: Db,
  tables: VectorTables,
  { id, doc_id }: DueRow,
  batchIds: number,
  dueUs: string,
): Promise<void> {
  const { vectorOrphans } = tables;
  const docId = doc_id === null ? null : readDocId(tables, doc_id);
  const isRow = sql`${ofDocument(docId)} and id = ${id}::text::bigint`;
  await db.transaction(async (tx) => {
    const [row] = rowsOf<{ vector_ids: string }>(
      await tx.execute(
        sql`select vector_ids::text from ${vectorOrphans} where ${isRow} for update skip locked`,
      ),
    );
    if (row === undefined) return;
    const pieces = [...slicesOf(decodeVectorIds(JSON.parse(row.vector_ids)), batchIds)].map(
      (ids) => ({
        vector_ids: encodeVectorIds(ids),
        vector_count: ids.length,
      }),
    );
    await tx.execute(sql`
      with whole as (delete from ${vectorOrphans} where ${isRow} returning *)
      insert into ${vectorOrphans}
        (doc_id, page, vector_ids, vector_count, namespace, orphaned_at, attempts, tried_at, due_at)
      select whole.doc_id, whole.page, piece.vector_ids, piece.vector_count, whole.namespace,
        whole.orphaned_at, whole.attempts, whole.tried_at, ${timestamp(dueUs)}
      from whole
      cross join jsonb_to_recordset(${JSON.stringify(pieces)}::text::jsonb)
        as piece (vector_ids jsonb, vector_count integer)`);
  });
}

/** A row that this purge has claimed. */
export interface ClaimedRow {
  id: string;
  /** When an earlier purge tried it, in microseconds since 1970. Null if no purge has tried it. */
  lastTriedUs: string | null;
}

/**
 * Claims the rows of a batch: counts the attempt and sets when the next one is due, between 1 second and 1 hour
 * later. The claim is committed before the store is called. So the time to the next attempt also grows if the process
 * crashes during the call.
 *
 * @returns The claimed rows. Rows that others have claimed, locked or deleted are not among them.
 */
export async function claimRows(
  db: Db,
  { vectors, vectorOrphans }: VectorTables,
  { docId, rows }: DueBatch,
): Promise<ClaimedRow[]> {
  // In an update, Citus accepts neither volatile functions nor stable functions of a column. So the subquery computes
  // the times, and uses now(). Each claim is a transaction of its own, so now() is the time of the claim.
  const jitter = 0.75 + Math.random() / 2;
  const claimed = await db.execute(sql`
    update ${vectorOrphans} as orphan
    set attempts = orphan.attempts + 1, tried_at = now(), due_at = free.next_due_at
    from (
      select orphan.id, ${microseconds(sql`orphan.tried_at`)} as last_tried_us, now() + least(3600, power(2, least(orphan.attempts, 12)))
        * ${jitter}::double precision * interval '1 second' as next_due_at
      from ${vectorOrphans} as orphan
      where ${ofDocument(docId)} and ${isOneOfRows(rows)} and orphan.due_at <= now()
        and not ${isOfPendingPage(vectors)}
      for update skip locked
    ) as free
    where orphan.id = free.id and ${ofDocument(docId, sql`orphan.`)}
    returning orphan.id::text as id, free.last_tried_us`);
  return rowsOf<{ id: string; last_tried_us: string | null }>(claimed).map((row) => ({
    id: row.id,
    lastTriedUs: row.last_tried_us,
  }));
}

/** Gives back rows that were claimed and not tried. */
export async function releaseRows(
  db: Db,
  { vectorOrphans }: VectorTables,
  docId: DocumentId | null,
  rows: readonly string[],
): Promise<void> {
  await db.execute(sql`
    update ${vectorOrphans}
    set attempts = attempts - 1, due_at = now(),
      tried_at = case when attempts > 1 then tried_at end
    where ${ofDocument(docId)} and ${isOneOfRows(rows)}`);
}

/** The condition that the page of the row `orphan` is pending. */
export function isOfPendingPage(vectors: VectorTables['vectors']): SQL {
  return sql`exists (
    select from ${vectors} as page
    where page.doc_id = orphan.doc_id and page.page = orphan.page and page.indexed_at is null
  )`;
}

/** The condition that a row belongs to the document. Null means the rows without a document. */
export function ofDocument(docId: DocumentId | null, prefix: SQL = sql``): SQL {
  return docId === null ? sql`${prefix}doc_id is null` : sql`${prefix}doc_id = ${docId}`;
}

/** The condition that a row is one of the given rows. */
export function isOneOfRows(rows: readonly string[]): SQL {
  return sql`id in (
    select value::bigint from jsonb_array_elements_text(${JSON.stringify(rows)}::text::jsonb)
  )`;
}
