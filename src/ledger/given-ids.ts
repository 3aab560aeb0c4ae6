/** The ids of a page as callers give them: a list, or the number of patches whose ids the ledger generates. */
import type { DocumentId } from '../document-id.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { checkVectorIds, maxVectorsPerPage, type VectorIdInput } from '../ids/check-vector-ids.ts';
import { describe, requireInteger } from '../require.ts';

/** The ids of a page's vectors: exactly one of the two fields. */
export type GivenVectorIds<Id = VectorIdInput> =
  | {
      /** The ids in patch order. Empty for a page without vectors. */
      vectorIds: readonly Id[];
      patches?: undefined;
    }
  | {
      /**
       * The number of vectors, 0 to 100,000. Records generated ids: those of `patchVectorIds` if documents have
       * integer keys, otherwise those of `hashedPatchVectorIds` with the document's key as `document`.
       */
      patches: number;
      vectorIds?: undefined;
    };

/** Checked ids, with the page that they belong to. */
export type CheckedVectorIds = { docId: DocumentId; page: number } & GivenVectorIds<string>;

/** @throws {InvalidInputError} A page has neither a list of ids nor a number of patches, or both. */
export function requireListOrCount(
  page: { vectorIds?: unknown; patches?: unknown },
  path: InputPath,
): asserts page is GivenVectorIds<never> {
  const { vectorIds, patches } = page;
  if (patches !== undefined && vectorIds !== undefined) {
    throw new InvalidInputError([...path, 'patches'], 'must be omitted if vectorIds is given');
  }
  if (patches === undefined && !Array.isArray(vectorIds)) {
    throw new InvalidInputError(
      [...path, 'vectorIds'],
      `must be an array unless patches is given, got ${describe(vectorIds)}`,
    );
  }
}

/** @throws {InvalidInputError} The path names the field and, for a list, the position. */
export function checkGivenIds(page: object, path: InputPath): GivenVectorIds<string> {
  requireListOrCount(page, path);
  const { vectorIds, patches } = page;
  if (vectorIds === undefined) {
    requireInteger(patches, [...path, 'patches'], { min: 0, max: maxVectorsPerPage });
    return { patches };
  }
  const listPath = [...path, 'vectorIds'];
  const ids = checkVectorIds(vectorIds, listPath);
  if (ids.length > maxVectorsPerPage) {
    throw new InvalidInputError(
      listPath,
      `must have at most ${maxVectorsPerPage} ids, got ${ids.length}`,
    );
  }
  return { vectorIds: ids };
}

/** The number of ids of a page. */
export function countGivenIds(page: GivenVectorIds): number {
  return page.vectorIds === undefined ? page.patches : page.vectorIds.length;
}
