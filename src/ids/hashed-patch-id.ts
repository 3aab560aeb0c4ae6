import { createHash } from 'node:crypto';
import { InvalidInputError } from '../errors.ts';
import { requireInteger, requireObject } from '../require.ts';
import { maxVectorsPerPage } from './check-vector-ids.ts';
import { type GeneratedIds, listGeneratedIds } from './generated.ts';

/** The number of hexadecimal digits of the patch. */
const patchDigits = 8;

/** The place of a vector: a patch on a page of a document whose key is a string. */
export interface HashedPatchPlace {
  /** The document's key in your database. It must belong to one document forever. */
  document: string;
  /** The page in the document, from 1. */
  page: number;
  /** The patch on the page, from 0. */
  patch: number;
}

/**
 * Generates the id of a patch's vector for a document without an integer key: a UUID of version 8
 * (RFC 9562, section 5.8).
 *
 *     hash of document and page     patch
 *     6c1e0a52-9d3f-84b7-b1d0-5e2a 00000029      version 8, variant group from b000 to bfff
 *
 * The hash is the first 88 bits of SHA-256 of `page/document` in UTF-8. Among a billion pages,
 * the chance that two share a hash is 1 in 600 million. The ids of a page are stored as one run. They do
 * not encode their page; `locate` finds them through the index.
 *
 * @throws {InvalidInputError} `document` is not a non-empty string, `page` is not an integer from 1 to
 *   2^31 - 1, or `patch` is not an integer from 0 to 2^31 - 1.
 * @example
 * hashedPatchVectorId({ document: '0190b8a4-6c1e-7d3f-8b7b-1d05e2a00000', page: 3, patch: 41 });
 */
export function hashedPatchVectorId(place: HashedPatchPlace): string {
  requireObject(place, ['place']);
  const { document, page, patch } = place;
  requireInteger(patch, ['patch'], { min: 0 });
  return hashedHead(document, page) + patch.toString(16).padStart(patchDigits, '0');
}

/**
 * Generates the ids of a page's patches 0 to `count - 1`, in patch order.
 *
 * @throws {InvalidInputError} `document` is not a non-empty string, `page` is not an integer from 1 to
 *   2^31 - 1, or `count` is not an integer from 0 to 100,000.
 */
export function hashedPatchVectorIds(patches: {
  document: string;
  page: number;
  count: number;
}): string[] {
  requireObject(patches, ['patches']);
  const { document, page, count } = patches;
  requireInteger(count, ['count'], { min: 0, max: maxVectorsPerPage });
  return listGeneratedIds(generatedHashedIds(document, page, count));
}

/** The ids that `hashedPatchVectorIds` lists. */
export function generatedHashedIds(document: string, page: number, count: number): GeneratedIds {
  return { head: hashedHead(document, page), digits: patchDigits, count };
}

/** The part of the id before the patch: `6c1e0a52-9d3f-84b7-b1d0-5e2a`. */
function hashedHead(document: string, page: number): string {
  // Half of a surrogate pair would be hashed as U+FFFD, so different strings would share an id.
  if (typeof document !== 'string' || document === '' || !document.isWellFormed()) {
    throw new InvalidInputError(['document'], 'must be a non-empty string of valid Unicode');
  }
  requireInteger(page, ['page'], { min: 1 });
  const hash = createHash('sha256').update(`${page}/${document}`).digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(12, 15)}`];
  return [...groups, `b${hash.slice(15, 18)}`, hash.slice(18, 22)].join('-');
}
