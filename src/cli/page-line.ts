import type { DocumentId, DocumentKey } from '../document-id.ts';
import { InvalidInputError } from '../errors.ts';
import { type CheckedPage, checkPage } from '../ledger/page.ts';
import type { PageVectors } from '../schema.ts';
import { docIdFromJson } from './ledger-module.ts';
import { safeJson, safeValue } from './safe-text.ts';

const fields = ['docId', 'page', 'vectorIds', 'patches', 'grid', 'namespace', 'pending'];

// Fatal: replacing invalid bytes with U+FFFD would change an id.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Parses a line such as `{"docId":7,"page":3,"vectorIds":["a","b"]}` or `{"docId":7,"page":3,"patches":1030}`;
 * `grid`, `namespace` and `pending` are optional.
 *
 * @param key - The key of the ledger's documents. {@defaultValue an integer}
 * @returns The page, or undefined for an empty line.
 * @throws {InvalidInputError} The line is not a valid page.
 */
export function parsePageLine(
  bytes: Buffer,
  key?: DocumentKey,
): CheckedPage<DocumentId> | undefined {
  const text = decode(bytes);
  if (text.trim() === '') return undefined;
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError(
      [],
      'must be a JSON object such as {"docId":7,"page":3,"vectorIds":["a"]}',
    );
  }
  const unknown = Object.keys(value).find((name) => !fields.includes(name));
  if (unknown !== undefined) {
    throw new InvalidInputError(
      [safeValue(unknown)],
      `unknown field; expected one of ${fields.join(', ')}`,
    );
  }
  const page =
    key !== undefined && 'docId' in value
      ? { ...value, docId: docIdFromJson(value.docId, key) }
      : value;
  return checkPage(page, [], false, key);
}

/** Formats a page as a line that `parsePageLine` reads, without the newline. */
export function formatPageLine(recorded: PageVectors<DocumentId>): string {
  const { docId, page, vectorIds, grid, namespace, indexedAt } = recorded;
  return safeJson({
    docId,
    page,
    vectorIds,
    ...(grid === null ? {} : { grid }),
    ...(namespace === null ? {} : { namespace }),
    ...(indexedAt === null ? { pending: true } : {}),
  });
}

/** The longest line that is read. A page of 100,000 ids needs less. A much longer line would not fit into a string. */
const maxLineBytes = 256 * 1024 * 1024;

function decode(bytes: Buffer): string {
  if (bytes.length > maxLineBytes) {
    throw new InvalidInputError([], 'is longer than 256 MiB, so it cannot be a page');
  }
  try {
    return utf8.decode(bytes);
  } catch {
    throw new InvalidInputError([], 'is not valid UTF-8');
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without Node's message: it quotes the line, which can be 40 KB long.
    throw new InvalidInputError([], 'is not valid JSON');
  }
}
