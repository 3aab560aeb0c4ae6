import { createHash } from 'node:crypto';
import { InvalidInputError } from '../errors.ts';
import { requireInteger } from '../require.ts';
import { computeIds } from './generated.ts';

/** The patch stands in so many hexadecimal digits. */
const patchDigits = 8;

/** The place of one vector in a document that is known by a string. */
export interface HashedPatchPlace {
  /** The document's own name, wherever it is the same again: a UUID, a path, a content hash. */
  document: string;
  /** The page in the document, from 1. */
  page: number;
  /** The patch on the page, from 0. */
  patch: number;
}

/**
 * The id of a patch's vector, computed from its place where the document's integer id will not do: it is
 * known too late, or is another one after an import. A UUID of version 8 (RFC 9562, section 5.8).
 *
 *     hash of document and page     patch
 *     6c1e0a52-9d3f-84b7-b1d0-5e2a 00000029      version 8, variant group from b000 to bfff
 *
 * The hash is the first 88 bits of SHA-256 of `page/document` in UTF-8: two pages out of a thousand million
 * have the same with a chance of 1 in 600 million. The ids of a page are one run, but do not say where they
 * belong; `locate` finds them through the index.
 *
 * @throws {InvalidInputError} document is no text or empty, page is not an integer from 1, patch not one
 *   from 0, to 2^31 - 1.
 */
export function hashedPatchVectorId({ document, page, patch }: HashedPatchPlace): string {
  requireInteger(patch, ['patch'], { min: 0 });
  return hashedHead(document, page) + patch.toString(16).padStart(patchDigits, '0');
}

/**
 * The ids of a page's first `count` patches, in patch order: patches 0 to `count - 1`.
 *
 * @throws {InvalidInputError} document is no text or empty, page is not an integer from 1, count not one
 *   from 0, to 2^31 - 1.
 */
export function hashedPatchVectorIds({
  document,
  page,
  count,
}: {
  document: string;
  page: number;
  count: number;
}): string[] {
  requireInteger(count, ['count'], { min: 0 });
  return computeIds(hashedHead(document, page), patchDigits, count);
}

/** All of an id but its patch: `6c1e0a52-9d3f-84b7-b1d0-5e2a`. */
function hashedHead(document: string, page: number): string {
  // Half of a surrogate pair would be hashed as U+FFFD, as any other half is.
  if (typeof document !== 'string' || document === '' || !document.isWellFormed()) {
    throw new InvalidInputError(['document'], 'must be a text, and not empty');
  }
  requireInteger(page, ['page'], { min: 1 });
  const hash = createHash('sha256').update(`${page}/${document}`).digest('hex');
  const groups = [hash.slice(0, 8), hash.slice(8, 12), `8${hash.slice(12, 15)}`];
  return [...groups, `b${hash.slice(15, 18)}`, hash.slice(18, 22)].join('-');
}
