import { and, asc, eq, gt, is, sql } from 'drizzle-orm';
import { PgTransaction } from 'drizzle-orm/pg-core';
import type { Db } from './database.ts';
import { asCaller, InvalidInputError, withLedgerErrors } from './errors.ts';
import { defaultTables, type VectorTables } from './tables.ts';
import { findLiveIds } from './tracked-ids.ts';
import { type PageKey, requireInteger } from './validate.ts';

/**
 * Deletes vectors from the vector store. The promise resolves when the store has done so, not when it
 * has taken the order (Qdrant: `wait: true`).
 *
 * At least once: after a crash the same ids come again, so ids that are gone already are no error.
 *
 * @param ids - At most `batchIds` of them.
 * @param context.tx - The purge's own transaction, for vectors in the same database (pgvector): deleted
 *   with it, or not at all.
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
 * While a page's orphans are being deleted, recording that page waits. So ids that can come back
 * (computed ones) are safe when pages are recorded first and their vectors written afterwards.
 *
 * @param db - A database, not a transaction: each batch needs one of its own.
 * @throws What `deleteVectors` throws; the batch's rows stay queued.
 */
export async function purgeOrphans(
  db: Db,
  deleteVectors: DeleteVectors,
  options: PurgeOptions = {},
): Promise<PurgeResult> {
  const { batchRows = 20, batchIds = 1_000, limit, onProgress, tables = defaultTables } = options;
  const signal = options.signal ?? new AbortController().signal;
  if (is(db, PgTransaction)) {
    throw new InvalidInputError(['db'], 'must be a database, not a transaction');
  }
  requireInteger(batchRows, ['options', 'batchRows'], { min: 1 });
  requireInteger(batchIds, ['options', 'batchIds'], { min: 1 });
  if (limit !== undefined) requireInteger(limit, ['options', 'limit'], { min: 1 });

  const progress: PurgeProgress = { deleted: 0, spared: 0 };
  let left = limit ?? Number.POSITIVE_INFINITY;

  const deleteIds = async (tx: Db, ids: string[]) => {
    for (let start = 0; start < ids.length; start += batchIds) {
      signal.throwIfAborted();
      await deleteVectors(ids.slice(start, start + batchIds), { tx, signal });
    }
  };
  return withLedgerErrors(async () => {
    let docId = await nextDocument(db, tables);
    while (docId !== undefined && left > 0) {
      await asCaller(() => signal.throwIfAborted());
      const batch = await purgeBatch(db, tables, docId, Math.min(batchRows, left), deleteIds);
      if (batch === undefined) {
        // Nothing left, or the rest is with other purges: on to the next document.
        docId = await nextDocument(db, tables, docId);
        continue;
      }
      left -= batch.rows;
      progress.deleted += batch.deleted;
      progress.spared += batch.spared;
      await asCaller(() => onProgress?.({ ...progress }));
    }
    return { ...progress, remaining: await db.$count(tables.vectorOrphans) };
  });
}

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
  await db
    .insert(vectorOrphans)
    .values(
      pages.map(({ docId, page, vectorIds }) => ({ docId, page, vectorIds: [...vectorIds] })),
    );
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
  deleteIds: (tx: Db, ids: string[]) => Promise<void>,
): Promise<(PurgeProgress & { rows: number }) | undefined> {
  const { vectorOrphans } = tables;
  return db.transaction(
    async (tx) => {
      // Rows that a writer of the page holds are skipped: whether their ids come back is not decided.
      const claimed = await tx
        .select({ id: vectorOrphans.id, vectorIds: vectorOrphans.vectorIds })
        .from(vectorOrphans)
        .where(eq(vectorOrphans.docId, docId))
        .orderBy(asc(vectorOrphans.id))
        .limit(rows)
        .for('update', { skipLocked: true });
      if (claimed.length === 0) return undefined;

      // After the claim, and a statement of its own: it sees every writer that committed before the
      // claim; later ones wait for it. That takes a snapshot a statement, hence read committed.
      const ids = [...new Set(claimed.flatMap(({ vectorIds }) => vectorIds))];
      const live = await findLiveIds(tx, tables, ids);
      const dead = ids.filter((id) => !live.has(id));
      await asCaller(() => deleteIds(tx, dead));

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
}
