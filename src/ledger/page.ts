/** A page as callers give it, and its checks. */
import {
  compareDocIds,
  type DocumentId,
  type DocumentKey,
  docIdAsJson,
  requireDocId,
} from '../document-id.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { checkGrid, type PatchGrid, requireGridFits } from '../page/grid.ts';
import {
  describe,
  requireArray,
  requireBoolean,
  requireInteger,
  requireObject,
} from '../require.ts';
import { checkGivenIds, countGivenIds, type GivenVectorIds } from './given-ids.ts';

/** Names a page by its document and its number. */
export interface PageKey<DocId extends DocumentId = number> {
  /** The document's id. An integer is from 1 to 2^31 - 1. */
  docId: DocId;
  /** The page in the document, from 1. */
  page: number;
}

/** A page to record: its key, `vectorIds` or `patches`, and optional fields. */
export type NewPageVectors<DocId extends DocumentId = number> = PageKey<DocId> &
  GivenVectorIds &
  PageDetails;

/** The optional fields of a page to record. */
export interface PageDetails {
  /**
   * How the vectors cover the page. Give the grid also if all vectors share one id. Omit it if it is unknown, or if the
   * vectors are not patches. `colpali-vectors/page` computes it.
   */
  grid?: PatchGrid | null | undefined;
  /**
   * Where the vectors are in the vector store, if it keeps a namespace or collection per tenant. `deleteVectors`
   * receives it, also when the document is deleted. To move a page to another namespace, record it with new ids.
   */
  namespace?: string | null | undefined;
  /**
   * Whether the page's vectors are not in the vector store yet, see `UpsertOptions.pending`.
   * {@defaultValue the option of the call}
   */
  pending?: boolean | undefined;
}

/** A page that has been checked: listed ids are strings, the other fields are present or null. */
export type CheckedPage<DocId extends DocumentId = number> = PageKey<DocId> &
  GivenVectorIds<string> & { grid: PatchGrid | null; namespace: string | null; pending: boolean };

/**
 * Checks a page and converts its ids to strings.
 *
 * @param pendingByDefault - Whether a page without the field `pending` is pending.
 * @param key - The key of the ledger's documents. {@defaultValue an integer}
 * @throws {InvalidInputError} The path names the field and, for ids, the position.
 */
export function checkPage<DocId extends DocumentId = number>(
  page: unknown,
  path: InputPath,
  pendingByDefault = false,
  key?: DocumentKey,
): CheckedPage<DocId> {
  requirePageKey(page, path, key);
  const { docId, page: pageNumber, grid, namespace } = page as NewPageVectors<DocId>;
  const { pending = pendingByDefault } = page as NewPageVectors<DocId>;
  requireBoolean(pending, [...path, 'pending']);
  const ids = checkGivenIds(page, path);
  return {
    docId,
    page: pageNumber,
    ...ids,
    grid: checkGridOfPage(grid, countGivenIds(ids), [...path, 'grid']),
    namespace: checkNamespace(namespace, [...path, 'namespace']),
    pending,
  };
}

function checkGridOfPage(grid: unknown, idCount: number, path: InputPath): PatchGrid | null {
  if (grid === undefined || grid === null) return null;
  const checked = checkGrid(grid, path);
  requireGridFits(checked, idCount, path);
  return checked;
}

/** @throws {InvalidInputError} */
export function checkNamespace(namespace: unknown, path: InputPath): string | null {
  if (namespace === undefined || namespace === null) return null;
  const isValid =
    typeof namespace === 'string' && !namespace.includes('\0') && namespace.isWellFormed();
  if (isValid) return namespace;
  throw new InvalidInputError(path, `must be a string or null, got ${describe(namespace)}`);
}

/** @throws {InvalidInputError} */
export function requirePageNumber(
  value: unknown,
  path: InputPath = ['page'],
): asserts value is number {
  requireInteger(value, path, { min: 1 });
}

/** @throws {InvalidInputError} The path names the field. */
export function requirePageKey(
  value: unknown,
  path: InputPath,
  key?: DocumentKey,
): asserts value is PageKey<DocumentId> {
  requireObject(value, path);
  const { docId, page } = value as Partial<PageKey>;
  requireDocId(docId, [...path, 'docId'], key);
  requirePageNumber(page, [...path, 'page']);
}

/** @throws {InvalidInputError} The path names the position of the first invalid key. */
export function requirePageKeys(
  keys: unknown,
  path: InputPath = ['keys'],
  key?: DocumentKey,
): asserts keys is readonly PageKey<DocumentId>[] {
  requireArray(keys, path);
  // An index loop, because forEach would skip the holes of a sparse array.
  for (let index = 0; index < keys.length; index += 1)
    requirePageKey(keys[index], [...path, index], key);
}

/** A page's key as one string, for maps. The page comes last, because a document id may contain a slash. */
export function keyOf({ docId, page }: PageKey<DocumentId>): string {
  return `${docId}/${page}`;
}

/** Compares two pages by document and page, to sort them. */
export function byKey(a: PageKey<DocumentId>, b: PageKey<DocumentId>): number {
  return compareDocIds(a.docId, b.docId) || a.page - b.page;
}

/** The keys without duplicates. */
export function uniqueKeys<Key extends PageKey<DocumentId>>(keys: readonly Key[]): Key[] {
  return [...new Map(keys.map((key) => [keyOf(key), key])).values()];
}

/**
 * The keys as one parameter of a statement. A parameter per key would reach the limit of 65,534 parameters, and
 * postgres.js cannot send arrays if it is set to `fetch_types: false`.
 */
export function keysAsJson(keys: readonly PageKey<DocumentId>[]): string {
  return JSON.stringify(keys.map(({ docId, page }) => ({ doc_id: docIdAsJson(docId), page })));
}

/** Whether two pages have the same ids in the same order. */
export function sameIds(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((id, index) => id === b[index]);
}
