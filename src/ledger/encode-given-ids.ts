/**
 * Lists and encodes the ids of a page that callers gave. This hashes document keys, which needs Node. given-ids.ts is a
 * file of its own because zod.ts uses it, and zod.ts must run without Node.
 */
import type { DocumentId, DocumentKey } from '../document-id.ts';
import { encodeVectorIds, type StoredVectorId } from '../ids/codec.ts';
import { encodeGeneratedIds, type GeneratedIds, listGeneratedIds } from '../ids/generated.ts';
import { generatedHashedIds } from '../ids/hashed-patch-id.ts';
import { generatedPatchIds } from '../ids/patch-id.ts';
import type { CheckedVectorIds } from './given-ids.ts';

/** The ids of a page, in patch order. */
export function listGivenIds(page: CheckedVectorIds, key: DocumentKey): readonly string[] {
  return page.vectorIds ?? listGeneratedIds(generatedIdsOf(page, key));
}

/** Encodes the ids of a page for the column. If the page has `patches`, makes no list of ids. */
export function encodeGivenIds(page: CheckedVectorIds, key: DocumentKey): StoredVectorId[] {
  return page.vectorIds === undefined
    ? encodeGeneratedIds(generatedIdsOf(page, key))
    : encodeVectorIds(page.vectorIds);
}

function generatedIdsOf(
  { docId, page, patches }: { docId: DocumentId; page: number; patches: number },
  { keyType }: DocumentKey,
): GeneratedIds {
  return keyType === 'integer'
    ? generatedPatchIds(docId as number, page, patches)
    : generatedHashedIds(String(docId), page, patches);
}
