import { and, asc, eq, gt, is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import { type Db, rowsOf } from '../db.ts';
import { asCaller, InvalidInputError, toLedgerError, withLedgerErrors } from '../errors.ts';
import { encodeVectorIds } from '../ids/runs.ts';
import { type PageKey, requireInteger } from '../require.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { findLiveIds } from './live-ids.ts';
import { tryPurgeLock } from './purge-lock.ts';

/**
 * Deletes vectors from the vector store. The promise resolves when the store has done so, not when it
 * has taken the order (Qdrant: `wait: true`).
 *
 * At least once: after a crash the same ids come again, so ids that are gone already are no error.
 *
 * @param ids - At most `batchIds` of them.
 * @param context.tx - The purge's own transaction, for vectors in the same database (pgvector): deleted
 *   with it, or not at all. Use it rather than `db`, which on PGlite, or with one connection, waits for
 *   the purge that waits for it.
 * @param context.signal - Fires when the purge is to stop. The purge waits for this promise all the
 *   same: a delete still under way must not meet a page that is recorded anew.
 */
export type DeleteVectors = (
  ids: string[],
  context: { tx: Db; signal: AbortSignal },
) => Promise<unknown>;

/** What a purge has done so far. */
export interface PurgeProgress {
  /** Ids that were given to `deleteVectors`. */
  deleted: number;
  /** Ids that were left in the store because a page has them again. */
  spared: number;
}

export interface PurgeResult extends PurgeProgress {
  /** Rows of `vector_orphans` that are left: queued meanwhile, held by others, or beyond `limit`. */
  remaining: number;
}

export interface PurgeOptions {
  /** Rows of `vector_orphans` (pages) claimed in one transaction. {@defaultValue 20} */
  batchRows?: number | undefined;
  /** Ids in one call of `deleteVectors`; several stores take no more at once. {@defaultValue 1000} */
  batchIds?: number | undefined;
  /** Rows claimed in all. {@defaultValue all} */
  limit?: number | undefined;
  /** Stops the purge; what has been committed stays. The purge rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /** Called after each transaction. */
  onProgress?: ((progress: PurgeProgress) => void) | undefined;
  /** {@defaultValue the package's own} */
  tables?: VectorTables | undefined;
}

/**
 * Deletes from the vector store what no page has any more: the ids in `vector_orphans`.
 *
 * In one transaction after the other it claims rows of one document, leaves out every id that a page
 * has again, has the others deleted, and deletes the rows. Where that throws, or the process or the
 * server dies, the rows are there as before and the next purge claims them again. Any number of
 * purges may run side by side. Run it on a schedule, and after large deletes.
 *
 * While a document's orphans are being deleted, recording its pages waits. So ids that can come back
 * (computed ones) are safe when pages are recorded first and their vectors written afterwards, and when
 * no other document has the same ids. A delete that is under way when the process or its connection
 * dies cannot be called back: it may reach the store after the lock is gone.
 *
 * A document that fails is passed over; after three the purge stops. What has been committed stays.
 *
 * @param db - A database, not a transaction: each batch needs one of its own.
 * @throws What `deleteVectors` threw first; the rows of the documents it threw for stay queued.
 */
export async function purgeOrphans(
  db: Db,
  deleteVectors: DeleteVectors,
  options: PurgeOptions = {},
): Promise<PurgeResult> {
  const { batchRows = 20, batchIds = 1_000, limit, onProgress, tables = defaultTables } = options;
  if (is(db, PgTransaction)) {
    throw new InvalidInputError(['db'], 'must be a database, not a transaction');
  }
  requireInteger(batchRows, ['options', 'batchRows'], { min: 1 });
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  if (limit !== undefined) requireInteger(limit, ['options', 'limit'], { min: 1 });

  const progress: PurgeProgress = { deleted: 0, spared: 0 };
  const failures: unknown[] = [];
  let left = limit ?? Number.POSITIVE_INFINITY;
  const purgeNext = async (docId: number) => {
    const rows = Math.min(batchRows, left);
    const batch = await purgeBatch(
      db,
      tables,
      docId,
      rows,
      batchIds,
      deleteVectors,
      options.signal,
    );
    if (batch === undefined) return false;
    left -= batch.rows;
    progress.deleted += batch.deleted;
    progress.spared += batch.spared;
    await asCaller(() => onProgress?.({ ...progress }));
    return true;
  };
  return withLedgerErrors(async () => {
    await asCaller(() => options.signal?.throwIfAborted());
    let docId = await nextDocument(db, tables);
    while (docId !== undefined && left > 0) {
      await asCaller(() => options.signal?.throwIfAborted());
      const document = docId;
      // A document whose vectors the store refuses to delete must not keep the others waiting.
      const more = await purgeNext(document).catch((error: unknown) => {
        if (options.signal?.aborted) throw error;
        failures.push(error);
        if (failures.length === maxFailures) throw failures[0];
        return false;
      });
      // Nothing left, or the rest is with writers and other purges: on to the next document.
      if (!more) docId = await nextDocument(db, tables, document);
    }
    if (failures.length > 0) throw failures[0];
    return { ...progress, remaining: await db.$count(tables.vectorOrphans) };
  });
}

/** After so many documents that failed the store is taken to be down. */
const maxFailures = 3;

/**
 * Queues ids for the next purge, as if their page had just lost them.
 *
 * @param pages - Where the ids belong or belonged.
 */
export async function queueOrphans(
  db: Db,
  { vectorOrphans }: VectorTables,
  pages: readonly (PageKey & { vectorIds: readonly string[] })[],
): Promise<void> {
  if (pages.length === 0) return;
  // Three array parameters, however many pages: a list of values ends at 65 534 parameters.
  const docIds = sql.param(pages.map(({ docId }) => docId));
  const numbers = sql.param(pages.map(({ page }) => page));
  const lists = sql.param(pages.map(({ vectorIds }) => JSON.stringify(encodeVectorIds(vectorIds))));
  await db.execute(sql`
    insert into ${vectorOrphans} (doc_id, page, vector_ids)
    select doc_id, page, vector_ids::jsonb
    from unnest(${docIds}::integer[], ${numbers}::integer[], ${lists}::text[])
      as queued (doc_id, page, vector_ids)`);
}

/** The document after `last` that has orphans, by id. */
async function nextDocument(
  db: Db,
  { vectorOrphans }: VectorTables,
  last?: number,
): Promise<number | undefined> {
  const [next] = await db
    .select({ docId: vectorOrphans.docId })
    .from(vectorOrphans)
    .where(last === undefined ? undefined : gt(vectorOrphans.docId, last))
    .orderBy(asc(vectorOrphans.docId))
    .limit(1);
  return next?.docId;
}

/** Claims rows of one document, has their ids deleted, deletes the rows; undefined where it got none. */
async function purgeBatch(
  db: Db,
  tables: VectorTables,
  docId: number,
  rows: number,
  batchIds: number,
  deleteVectors: DeleteVectors,
  stop: AbortSignal | undefined,
): Promise<(PurgeProgress & { rows: number }) | undefined> {
  const { vectorOrphans } = tables;
  const ended = new AbortController();
  const signal = stop === undefined ? ended.signal : AbortSignal.any([stop, ended.signal]);
  let underWay: Promise<unknown> = Promise.resolve();

  const transaction = db.transaction(
    async (tx) => {
      // A server that ends transactions for being idle would let writers in while the store deletes.
      const [lock] = rowsOf<{ taken: boolean }>(
        await tx.execute(sql`
          select ${tryPurgeLock(docId)} as taken,
            set_config('idle_in_transaction_session_timeout', '0', true)`),
      );
      if (!lock?.taken) return undefined;

      // The lock keeps other purges out; rows that somebody else is deleting by hand are passed over.
      const claimed = await tx
        .select({ id: vectorOrphans.id, vectorIds: vectorOrphans.vectorIds })
        .from(vectorOrphans)
        .where(eq(vectorOrphans.docId, docId))
        .orderBy(asc(vectorOrphans.id))
        .limit(rows)
        .for('update', { skipLocked: true });
      if (claimed.length === 0) return undefined;

      // After the lock, and a statement of its own: it sees every writer that committed before; later
      // ones wait. That takes a snapshot a statement, hence read committed.
      const ids = [...new Set(claimed.flatMap(({ vectorIds }) => vectorIds))];
      const live = await findLiveIds(tx, tables, ids);
      const dead = ids.filter((id) => !live.has(id));
      for (let start = 0; start < dead.length; start += batchIds) {
        await asCaller(() => signal.throwIfAborted());
        // Without its connection the purge has lost its lock, and must not delete any more.
        if (start > 0) await tx.execute(sql`select 1`);
        underWay = asCaller(() =>
          deleteVectors(dead.slice(start, start + batchIds), { tx, signal }),
        );
        await underWay;
      }

      const claimedIds = sql.param(claimed.map(({ id }) => id));
      await tx
        .delete(vectorOrphans)
        .where(
          and(
            eq(vectorOrphans.docId, docId),
            sql`${vectorOrphans.id} = any (${claimedIds}::bigint[])`,
          ),
        );
      return { rows: claimed.length, deleted: dead.length, spared: live.size };
    },
    { isolationLevel: 'read committed' },
  );
  try {
    return await transaction;
  } catch (error) {
    // Where the connection was lost the store may still be deleting: it is told to stop, and waited for.
    ended.abort(toLedgerError(error));
    await underWay.catch(() => {});
    throw error;
  }
}
