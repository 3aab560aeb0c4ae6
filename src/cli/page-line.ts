import { InvalidInputError } from '../errors.ts';
import { checkPage, type NewPageVectors } from '../ledger/page.ts';
import type { PageVectors } from '../schema.ts';

/** A page as a line of an NDJSON file holds it. */
export interface PageLine extends NewPageVectors {
  /** The page's vectors are still to be written to the vector store. */
  pending: boolean;
}

const fields = new Set(['docId', 'page', 'vectorIds', 'grid', 'pending']);

// Invalid UTF-8 is refused: replaced by U+FFFD it would be another id.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * Reads `{"docId":7,"page":3,"vectorIds":["a","b"]}`, with `grid` and `pending` if need be.
 *
 * @returns undefined for an empty line.
 * @throws {InvalidInputError} The line is no page, and why.
 */
export function parsePageLine(bytes: Buffer): PageLine | undefined {
  const text = decode(bytes);
  if (text.trim() === '') return undefined;
  const value = parseJson(text);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InvalidInputError([], 'is no JSON object');
  }
  const unknown = Object.keys(value).find((name) => !fields.has(name));
  if (unknown !== undefined) {
    throw new InvalidInputError(
      [unknown],
      `is no field of a page; there are ${[...fields].join(', ')}`,
    );
  }
  const { pending = false } = value as { pending?: unknown };
  if (typeof pending !== 'boolean') {
    throw new InvalidInputError(['pending'], 'must be true or false');
  }
  return { ...checkPage(value, []), pending };
}

/** Writes what `parsePageLine` reads, without the end of the line. */
export function formatPageLine({ docId, page, vectorIds, grid, indexedAt }: PageVectors): string {
  return JSON.stringify({
    docId,
    page,
    vectorIds,
    ...(grid === null ? {} : { grid }),
    ...(indexedAt === null ? { pending: true } : {}),
  });
}

function decode(bytes: Buffer): string {
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
    // Node's message quotes the line, 40 KB of it.
    throw new InvalidInputError([], 'is not valid JSON');
  }
}
