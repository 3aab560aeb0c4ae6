import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { type DocumentId, docIdAsJson } from '../document-id.ts';
import { isForeignKeyViolation } from '../driver-errors.ts';
import { DocumentNotFoundError, type InputPath } from '../errors.ts';
import type { VectorTables } from '../tables.ts';
import { docIdType, readDocId } from './read-pages.ts';

/** A document's id and the path of its page in the arguments. */
interface GivenDocument {
  docId: DocumentId;
  path: InputPath;
}

/** How often to try. A document that was missing may exist by the time we look for it; then the work is done again. */
const maxAttempts = 3;

/**
 * Runs `work`. If a foreign key stops it, finds the missing document and throws an error that names it.
 *
 * @throws {DocumentNotFoundError} The first of the given documents that does not exist.
 */
export async function explainMissingDocument(
  db: Db,
  tables: VectorTables,
  given: readonly GivenDocument[],
  work: () => Promise<void>,
): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!isForeignKeyViolation(error)) throw error;
      const first = await firstMissing(db, tables, given);
      if (first) throw new DocumentNotFoundError(first.docId, [...first.path, 'docId']);
      if (attempt === maxAttempts) throw error;
    }
  }
}

/** The given document that does not exist and whose page comes first in the arguments. */
async function firstMissing(
  db: Db,
  tables: VectorTables,
  given: readonly GivenDocument[],
): Promise<GivenDocument | undefined> {
  const docIds = given.map(({ docId }) => docId);
  const missing = await findMissingDocuments(db, tables, docIds);
  const [first] = given
    .filter(({ docId }) => missing.has(docId))
    .sort((a, b) => Number(a.path[1]) - Number(b.path[1]));
  return first;
}

/** Returns those of the ids that are not in `documents`. */
export async function findMissingDocuments<DocId extends DocumentId>(
  db: Db,
  tables: VectorTables,
  docIds: readonly DocId[],
): Promise<Set<DocId>> {
  const { documents, documentId } = tables;
  const byText = new Map(docIds.map((docId) => [String(docId), docId]));
  const given = JSON.stringify(Array.from(byText.values(), docIdAsJson));
  // The missing ids are computed here and not in SQL, because Citus cannot run a subquery that is correlated with a list.
  const existing = await db.execute(sql`
    select ${documentId}::${docIdType(tables)}::text as id from ${documents}
    where ${documentId} in (
      select value::${docIdType(tables)} from jsonb_array_elements_text(${given}::text::jsonb)
    )`);
  for (const { id } of rowsOf<{ id: string }>(existing)) {
    byText.delete(String(readDocId(tables, id)));
  }
  return new Set(byText.values());
}
