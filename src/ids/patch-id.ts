import { requireInteger, requireObject } from '../require.ts';
import { maxVectorsPerPage } from './check-vector-ids.ts';
import { type GeneratedIds, listGeneratedIds } from './generated.ts';
import { formatHead, type PatchPlace, parsePatchVectorId, patchDigits } from './patch-id-layout.ts';
import { canonicalId, dashedUuid, isUuid } from './spellings.ts';

/**
 * Generates the id of a patch's vector: a UUID of version 8 (RFC 9562, section 5.8) that encodes the
 * document, the page and the patch.
 *
 * As text, the ids of a document sort by page and patch, for pages up to 2^28 - 1.
 *
 * @throws {InvalidInputError} `docId` or `page` is not an integer from 1 to 2^31 - 1, or `patch` is not an
 *   integer from 0 to 2^31 - 1.
 * @example
 * patchVectorId({ docId: 7, page: 3, patch: 41 }); // '00000007-0000-8003-8000-000000000029'
 */
export function patchVectorId(place: PatchPlace): string {
  requireObject(place, ['place']);
  const { docId, page, patch } = place;
  requireInteger(patch, ['patch'], { min: 0 });
  return checkedHead(docId, page) + patch.toString(16).padStart(patchDigits, '0');
}

/**
 * Generates the ids of a page's patches 0 to `count - 1`, in patch order.
 *
 * @throws {InvalidInputError} `docId` or `page` is not an integer from 1 to 2^31 - 1, or `count` is not an
 *   integer from 0 to 100,000.
 * @example
 * const vectorIds = patchVectorIds({ docId: 7, page: 3, count: 1030 });
 */
export function patchVectorIds(patches: { docId: number; page: number; count: number }): string[] {
  requireObject(patches, ['patches']);
  const { docId, page, count } = patches;
  requireInteger(count, ['count'], { min: 0, max: maxVectorsPerPage });
  return listGeneratedIds(generatedPatchIds(docId, page, count));
}

/** The ids that `patchVectorIds` lists. */
export function generatedPatchIds(docId: number, page: number, count: number): GeneratedIds {
  return { head: checkedHead(docId, page), digits: patchDigits, count };
}

/** Parses a patch id in any spelling of the UUID. Returns undefined for any other id. */
export function parsePatchVectorIdInAnySpelling(id: string): PatchPlace | undefined {
  const place = parsePatchVectorId(id);
  if (place !== undefined) return place;
  // Only ids without dashes or with upper-case letters can be another spelling of a patch id.
  if ((id.length !== 32 && !/[A-F]/.test(id)) || !isUuid(id)) return undefined;
  return parsePatchVectorId(dashedUuid(canonicalId(id)));
}

function checkedHead(docId: number, page: number): string {
  requireInteger(docId, ['docId'], { min: 1 });
  requireInteger(page, ['page'], { min: 1 });
  return formatHead(docId, page);
}
