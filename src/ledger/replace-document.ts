import { and, eq, sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { DocumentNotFoundError } from '../errors.ts';
import { lockPagesOf } from './delete-pages.ts';
import type { NewPageVectors } from './page.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import {
  type RecordedPage,
  type UpsertOptions,
  type WriteTarget,
  writeArray,
} from './write-pages.ts';

/** Replaces all pages of a document with these. Returns their recordings if they are pending. */
export async function replacePagesOf(
  { db, tables, requireTriggers }: WriteTarget,
  docId: number,
  pages: readonly NewPageVectors[],
  options: UpsertOptions,
): Promise<RecordedPage[]> {
  await requireTriggers();
  const { documents, vectors } = tables;
  const numbers = JSON.stringify(pages.map(({ page }) => page));
  const replace = async (tx: Db) => {
    const [document] = await tx
      .select({ id: documents.id })
      .from(documents)
      .where(eq(documents.id, docId))
      // Blocks other replacements, but not the checks of the foreign key.
      .for('no key update');
    if (document === undefined) throw new DocumentNotFoundError(docId, ['docId']);
    await lockPagesOf(tx, tables, docId);
    await tx.delete(vectors).where(
      and(
        eq(vectors.docId, docId),
        sql`${vectors.page} not in (
            select value::integer from jsonb_array_elements_text(${numbers}::text::jsonb)
          )`,
      ),
    );
    return writeArray({ db: tx, tables, requireTriggers }, pages, options);
  };
  return retryDeadlocks(db, () => db.transaction(replace));
}
