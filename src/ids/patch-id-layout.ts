/**
 * The layout of a patch id. The SQL function `vectors_patch_id_head` builds the same one.
 *
 *     00000007-0000-8003-8000-000000000029      document 7, page 3, patch 41
 *     document page page page patch
 *
 * The page's 8 hexadecimal digits are split: digits 2 to 5 are the second group, digits 6 to 8 follow the
 * version (8), and digit 1 ends the group of the variant (800).
 */
import { maxInteger, requireString } from '../require.ts';

/** The place of a vector: a patch on a page of a document. */
export interface PatchPlace {
  /** The document, 1 to 2^31 - 1. */
  docId: number;
  /** The page in the document, from 1. */
  page: number;
  /** The patch on the page, from 0. */
  patch: number;
}

/** The number of hexadecimal digits of the patch. */
export const patchDigits = 12;

/** The part of the id before the patch, which names the page: `00000007-0000-8003-8000-`. */
export function formatHead(docId: number, page: number): string {
  const digits = hex(page, 8);
  return `${hex(docId, 8)}-${digits.slice(1, 5)}-8${digits.slice(5)}-800${digits.slice(0, 1)}-`;
}

const layout = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-800[0-7]-[0-9a-f]{12}$/;

/**
 * Returns the place from which `patchVectorId` generated this id.
 *
 * @returns Undefined for any other string, including other spellings of the same UUID.
 * @throws {InvalidInputError} `id` is not a string.
 */
export function parsePatchVectorId(id: string): PatchPlace | undefined {
  requireString(id, ['id']);
  // Slices, because named groups take ten times as long and `locate` parses a thousand ids at once.
  if (!layout.test(id)) return undefined;
  const place = {
    docId: Number.parseInt(id.slice(0, 8), 16),
    page: Number.parseInt(id.slice(22, 23) + id.slice(9, 13) + id.slice(15, 18), 16),
    patch: Number.parseInt(id.slice(24), 16),
  };
  const isInRange =
    isBetween(place.docId, 1) && isBetween(place.page, 1) && isBetween(place.patch, 0);
  return isInRange ? place : undefined;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function isBetween(value: number, min: number): boolean {
  return value >= min && value <= maxInteger;
}
