import { and, eq, type SQL, sql } from 'drizzle-orm';
import { runCallback } from '../callbacks.ts';
import type { Db } from '../db.ts';
import type { DocumentId } from '../document-id.ts';
import { sqlStates } from '../driver-errors.ts';
import { DatabaseError, DocumentNotFoundError, formatDocId } from '../errors.ts';
import { qualifiedName, type VectorTables } from '../tables.ts';
import { lockPagesOf } from './delete-pages.ts';
import type { NewPageVectors } from './page.ts';
import { docIdType } from './read-pages.ts';
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
  docId: DocumentId,
  pages: readonly NewPageVectors<DocumentId>[],
  options: UpsertOptions,
): Promise<RecordedPage<DocumentId>[]> {
  await runCallback(() => options.signal?.throwIfAborted());
  await requireTriggers();
  const { documents, documentId, vectors } = tables;
  const numbers = JSON.stringify(pages.map(({ page }) => page));
  const replace = async (tx: Db) => {
    const document = tx.select({ id: documentId }).from(documents).where(hasId(tables, docId));
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

/** Whether a document has this id. The cast is needed because the column may be a smallint, too small for the id. */
function hasId(tables: VectorTables, docId: DocumentId): SQL {
  return sql`${tables.documentId} = ${docId}::${docIdType(tables)}`;
}

/**
 * Explains why a document could not be locked: it does not exist, or row level security allows the role to read
 * it but not to lock it.
 *
 * @throws {DocumentNotFoundError | DatabaseError}
 */
async function explainUnlocked(tx: Db, tables: VectorTables, docId: DocumentId): Promise<never> {
  const { documents, documentId } = tables;
  const name = qualifiedName(documents);
  const [readable] = await tx
    .select({ id: documentId })
    .from(documents)
    .where(and(hasId(tables, docId), sql`row_security_active(${name}::text)`));
  if (readable === undefined) throw new DocumentNotFoundError(docId, ['docId']);
  throw new DatabaseError(
    sqlStates.insufficientPrivilege,
    `This role may read document ${formatDocId(docId)} but not lock it: row level security on ${name} has no policy ` +
      'FOR UPDATE that allows the row.',
  );
}
