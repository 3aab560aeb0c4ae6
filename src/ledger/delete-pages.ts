import { and, asc, eq } from 'drizzle-orm';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import type { VectorTables } from '../tables.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';

/** Deletes all pages of a document. Returns how many. */
export async function deletePagesOf(
  db: Db,
  tables: VectorTables,
  docId: DocumentId,
): Promise<number> {
  const { vectors } = tables;
  const deletePages = async (tx: Db) => {
    await lockPagesOf(tx, tables, docId);
    return tx.delete(vectors).where(eq(vectors.docId, docId)).returning({ page: vectors.page });
  };
  const deleted = await retryDeadlocks(db, () => db.transaction(deletePages));
  return deleted.length;
}

/** Deletes a page. Returns whether it was recorded. */
export async function deletePage(
  db: Db,
  { vectors }: VectorTables,
  docId: DocumentId,
  page: number,
): Promise<boolean> {
  const deleted = await db
    .delete(vectors)
    .where(and(eq(vectors.docId, docId), eq(vectors.page, page)))
    .returning({ page: vectors.page });
  return deleted.length > 0;
}

/** Locks a document's pages in the order of their numbers. Calls that record pages lock them in the same order. */
export async function lockPagesOf(
  tx: Db,
  { vectors }: VectorTables,
  docId: DocumentId,
): Promise<void> {
  await tx
    .select({ page: vectors.page })
    .from(vectors)
    .where(eq(vectors.docId, docId))
    .orderBy(asc(vectors.page))
    .for('update');
}
