/** The ids of documents: the types that the key of the host's table can have, and their checks. */
import { type InputPath, InvalidInputError } from './errors.ts';
import { describe, requireInteger } from './require.ts';

/** The id of a document in TypeScript. Each ledger has one of these types. */
export type DocumentId = number | bigint | string;

/** The PostgreSQL types that the id of a document can have. */
export const keyTypes = ['integer', 'bigint', 'uuid', 'text'] as const;

/** The PostgreSQL type of `doc_id`. */
export type KeyType = (typeof keyTypes)[number];

/** The key of a ledger's documents. */
export interface DocumentKey {
  keyType: KeyType;
  /** The column of the host's table. Its mode says whether a bigint is a `number` or a `bigint`. */
  documentId: { dataType: string };
}

const integerKey: DocumentKey = { keyType: 'integer', documentId: { dataType: 'number' } };

const canonicalUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * Checks the id of a document.
 *
 * @param key - The key of the ledger. {@defaultValue an integer}
 * @throws {InvalidInputError} `value` is not an id of the key's type.
 */
export function requireDocId(
  value: unknown,
  path: InputPath = ['docId'],
  key: DocumentKey = integerKey,
): asserts value is DocumentId {
  if (key.keyType === 'integer') requireInteger(value, path, { min: 1 });
  else if (!isDocId(value, key)) {
    throw new InvalidInputError(path, `must be ${expected(key)}, got ${describeDocId(value, key)}`);
  }
}

function isDocId(value: unknown, { keyType, documentId }: DocumentKey): boolean {
  if (keyType === 'bigint') {
    return documentId.dataType === 'bigint'
      ? typeof value === 'bigint' && BigInt.asIntN(64, value) === value
      : Number.isSafeInteger(value);
  }
  if (typeof value !== 'string') return false;
  // PostgreSQL accepts a UUID in any form, but returns it in lower case with dashes. An id in another form would differ
  // from the `docId` of the row that it found.
  if (keyType === 'uuid') return canonicalUuid.test(value);
  return value !== '' && !value.includes('\0') && value.isWellFormed();
}

function expected({ keyType, documentId }: DocumentKey): string {
  if (keyType === 'uuid') return 'a UUID in lower case with dashes';
  if (keyType === 'text') return 'a non-empty string of valid Unicode without U+0000';
  return documentId.dataType === 'bigint' ? 'a bigint of 64 bits' : 'a safe integer';
}

/** Says what is wrong with a string without repeating it, because it may be long. */
function describeDocId(value: unknown, { keyType }: DocumentKey): string {
  if (typeof value !== 'string') return describe(value);
  if (value === '') return 'an empty string';
  if (keyType !== 'uuid') return 'a string';
  if (canonicalUuid.test(value.toLowerCase())) return 'one with upper-case letters';
  return value.length === 36
    ? 'a string with other characters'
    : `a string of ${value.length} characters instead of 36`;
}

/** The id as a value of JSON, which has no bigint. PostgreSQL reads a string as well. */
export function docIdAsJson(docId: DocumentId): number | string {
  return typeof docId === 'bigint' ? String(docId) : docId;
}

/** Compares two ids, to sort them. All writers lock documents in this order. */
export function compareDocIds(a: DocumentId, b: DocumentId): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
