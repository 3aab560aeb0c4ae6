import { maxInteger, requireInteger } from '../require.ts';
import { computeIds } from './generated.ts';

/** The patch stands in so many hexadecimal digits. */
const patchDigits = 12;

/** The place of one vector: which patch of which page of which document. */
export interface PatchPlace {
  /** The document, 1 to 2^31 - 1. */
  docId: number;
  /** The page in the document, from 1. */
  page: number;
  /** The patch on the page, from 0. */
  patch: number;
}

/**
 * The id of a patch's vector, computed from its place: a UUID of version 8 (RFC 9562, section 5.8).
 *
 *     docId     page         page (low 12 bits)
 *     00000007-0000-8003-8000-000000000029      document 7, page 3, patch 41
 *                        variant   patch
 *
 * Sorted as text, the ids of a document are in the order of page and patch up to page 2^28 - 1; the
 * three bits of a page number above that stand in the last digit of the variant's group.
 *
 * @throws {InvalidInputError} docId or page is not an integer from 1, patch not one from 0, to 2^31 - 1.
 */
export function patchVectorId({ docId, page, patch }: PatchPlace): string {
  requireInteger(patch, ['patch'], { min: 0 });
  return pageHead(docId, page) + hex(patch, patchDigits);
}

/**
 * The ids of a page's first `count` patches, in patch order: patches 0 to `count - 1`.
 *
 * @throws {InvalidInputError} docId or page is not an integer from 1, count not one from 0, to 2^31 - 1.
 */
export function patchVectorIds({
  docId,
  page,
  count,
}: {
  docId: number;
  page: number;
  count: number;
}): string[] {
  requireInteger(count, ['count'], { min: 0 });
  return computeIds(pageHead(docId, page), patchDigits, count);
}

const layout = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-800[0-7]-[0-9a-f]{12}$/;

/**
 * The place that `patchVectorId` computed this id from.
 *
 * @returns undefined for any other id: another UUID, another spelling of this one, any other string.
 */
export function parsePatchVectorId(id: string): PatchPlace | undefined {
  // Named groups would say where the parts stand, in ten times the time: `locate` reads a thousand ids.
  if (!layout.test(id)) return undefined;
  const place = {
    docId: Number.parseInt(id.slice(0, 8), 16),
    page: Number.parseInt(id.slice(22, 23) + id.slice(9, 13) + id.slice(15, 18), 16),
    patch: Number.parseInt(id.slice(24), 16),
  };
  const possible =
    isBetween(place.docId, 1) && isBetween(place.page, 1) && isBetween(place.patch, 0);
  return possible ? place : undefined;
}

/** All of an id but its patch: `00000007-0000-8003-8000-`. */
function pageHead(docId: number, page: number): string {
  requireInteger(docId, ['docId'], { min: 1 });
  requireInteger(page, ['page'], { min: 1 });
  const digits = hex(page, 8);
  return `${hex(docId, 8)}-${digits.slice(1, 5)}-8${digits.slice(5)}-800${digits.slice(0, 1)}-`;
}

function hex(value: number, digits: number): string {
  return value.toString(16).padStart(digits, '0');
}

function isBetween(value: number, min: number): boolean {
  return value >= min && value <= maxInteger;
}
