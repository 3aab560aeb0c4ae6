import { and, eq, type SQL, sql } from 'drizzle-orm';
import { runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import { DatabaseError, DocumentNotFoundError } from '../errors.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
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
  await runCallback(() => options.signal?.throwIfAborted());
  await requireTriggers();
  const { documents, vectors } = tables;
  const numbers = JSON.stringify(pages.map(({ page }) => page));
  const replace = async (tx: Db) => {
    const document = tx.select({ id: documents.id }).from(documents).where(hasId(tables, docId));
    // Blocks other replacements, but not the checks of the foreign key.
    const locked = await document.for('no key update');
    if (locked.length === 0) await explainUnlocked(tx, tables, docId);
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

/** Whether a document has this id. With the cast, because `documents.id` may be a smallint that the id exceeds. */
function hasId({ documents }: Pick<VectorTables, 'documents'>, docId: number): SQL {
  return sql`${documents.id} = ${docId}::integer`;
}

/**
 * Explains why a document could not be locked: it does not exist, or row level security allows the role to read
 * it but not to lock it.
 *
 * @throws {DocumentNotFoundError | DatabaseError}
 */
async function explainUnlocked(tx: Db, { documents }: VectorTables, docId: number): Promise<never> {
  const name = qualifiedName(documents);
  const [readable] = await tx
    .select({ id: documents.id })
    .from(documents)
    .where(and(hasId({ documents }, docId), sql`row_security_active(${name}::text)`));
  if (readable === undefined) throw new DocumentNotFoundError(docId, ['docId']);
  throw new DatabaseError(
    '42501',
    `This role may read document ${docId} but not lock it: row level security on ${name} has no policy ` +
      'FOR UPDATE that allows the row.',
  );
}
