/**
 * In a distributed ledger, only the document that a patch id names may record it. A purge can then look for the id on
 * the one node that has the document.
 */
import type { DocumentId } from '../document-id.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import type { VectorTables } from '../tables.ts';

/** A patch id that names another document than the one that has it. */
interface ForeignPatchId {
  /** Its position among the page's ids, from 0. */
  position: number;
  /** The document that it names. */
  docId: number;
}

/** Finds the first id of a page that names another document. */
export function findForeignPatchId(
  { keyType }: VectorTables,
  docId: DocumentId,
  vectorIds: readonly string[],
): ForeignPatchId | undefined {
  if (keyType !== 'integer') return undefined;
  for (const [position, id] of vectorIds.entries()) {
    const place = parsePatchVectorIdInAnySpelling(id);
    if (place !== undefined && place.docId !== docId) return { position, docId: place.docId };
  }
  return undefined;
}

/** @throws {InvalidInputError} A page has an id that names another document. */
export function requireOwnPatchIds(
  tables: VectorTables,
  pages: readonly {
    docId: DocumentId;
    checked: { vectorIds?: readonly string[] | undefined };
    path: InputPath;
  }[],
): void {
  for (const { docId, checked, path } of pages) {
    const foreign = findForeignPatchId(tables, docId, checked.vectorIds ?? []);
    if (foreign === undefined) continue;
    throw new InvalidInputError(
      [...path, 'vectorIds', foreign.position],
      `is a patch id of document ${foreign.docId}. In a distributed ledger, only pages of that document can have it`,
    );
  }
}
