import { batchesOf } from '../batches.ts';
import type { Db } from '../db.ts';
import type { DocumentId, DocumentKey } from '../document-id.ts';
import { DocumentNotFoundError, InvalidInputError } from '../errors.ts';
import { findMissingDocuments } from '../ledger/missing-documents.ts';
import type { CheckedPage } from '../ledger/page.ts';
import { SeenPages } from '../ledger/seen-pages.ts';
import { createVectorRepository } from '../repository.ts';
import type { VectorTables } from '../tables.ts';
import { readLines } from './lines.ts';
import { parsePageLine } from './page-line.ts';

/** What `importPages` did. */
export interface ImportResult {
  /** Number of pages recorded, including pages that were already recorded with the same content. */
  pages: number;
  /** Number of invalid lines skipped. */
  skipped: number;
  /** Number of lines processed, including empty and invalid lines. */
  lines: number;
  /** Whether the signal stopped the import. */
  stopped: boolean;
}

export interface ImportOptions {
  /** Called for each invalid line. Without it, the first invalid line ends the import. */
  onInvalid?: ((error: LineError) => void) | undefined;
  /** Called after each transaction, with the pages recorded and the bytes processed so far. */
  onProgress?: ((progress: { pages: number; bytes: number }) => void) | undefined;
  /** Stops the import after the current transaction. */
  signal?: AbortSignal | undefined;
}

/** A line that cannot be recorded. */
export class LineError extends Error {
  /** Line number, from 1. */
  readonly line: number;

  constructor(line: number, cause: InvalidInputError | DocumentNotFoundError) {
    super(`line ${line}: ${cause.message}`, { cause });
    this.name = 'LineError';
    this.line = line;
  }
}

/** A line of the file: a page, an error, or neither if the line is empty. */
interface ParsedLine {
  /** Line number, from 1. */
  number: number;
  /** Length in bytes. */
  size: number;
  /** Offset in bytes of the next line. */
  endOffset: number;
  page?: CheckedPage<DocumentId> | undefined;
  error?: LineError;
}

const batchLimits = {
  maxItems: 1_000,
  maxSize: 4_000_000,
  sizeOf: ({ size }: ParsedLine) => size,
};

/**
 * Records the pages of an NDJSON file.
 *
 * Lines are read in batches, and each batch is recorded in one transaction. Memory use does not grow with the file,
 * unless the pages of a document are out of order.
 *
 * @throws {LineError} A line is not a valid page, its document does not exist, or an earlier line has the same
 *   page. All lines before it have been recorded.
 * @throws {DocumentNotFoundError} A document was deleted during the import.
 */
export async function importPages(
  db: Db,
  ledger: VectorTables,
  input: AsyncIterable<Buffer>,
  { onInvalid, onProgress, signal }: ImportOptions,
): Promise<ImportResult> {
  const repository = createVectorRepository(db, { ledger });
  const result = { pages: 0, skipped: 0, lines: 0 };

  // Importing an empty file must fail too if the database cannot be used.
  await findMissingDocuments(db, ledger, []);
  try {
    for await (const batch of batchesOf(parseLines(input, ledger), batchLimits)) {
      if (signal?.aborted) break;
      const lines = await rejectMissingDocuments(db, ledger, batch);
      const errors = lines.flatMap(({ error }) => error ?? []);
      const [fatal] = onInvalid === undefined ? errors : [];
      const pages = lines
        .filter(({ number }) => fatal === undefined || number < fatal.line)
        .flatMap(({ page }) => page ?? []);

      await repository.upsertPages(pages);
      result.pages += pages.length;
      const last = lines.at(-1) as ParsedLine;
      onProgress?.({ pages: result.pages, bytes: last.endOffset });
      if (fatal !== undefined) throw fatal;
      for (const error of errors) onInvalid?.(error);
      result.skipped += errors.length;
      result.lines = last.number;
    }
  } catch (error) {
    // An aborted input throws an AbortError while we wait for its next bytes.
    if (!(signal?.aborted && error instanceof Error && error.name === 'AbortError')) throw error;
  }
  return { ...result, stopped: signal?.aborted ?? false };
}

async function* parseLines(
  input: AsyncIterable<Buffer>,
  key: DocumentKey,
): AsyncGenerator<ParsedLine> {
  const seen = new SeenPages();
  for await (const { number, bytes, endOffset } of readLines(input)) {
    yield { number, size: bytes.length, endOffset, ...parseContent(number, bytes, seen, key) };
  }
}

function parseContent(
  number: number,
  bytes: Buffer,
  seen: SeenPages,
  key: DocumentKey,
): Pick<ParsedLine, 'page' | 'error'> {
  try {
    const page = parsePageLine(bytes, key);
    if (page !== undefined) seen.add(page, ['page']);
    return { page };
  } catch (error) {
    if (!(error instanceof InvalidInputError)) throw error;
    return { error: new LineError(number, error) };
  }
}

/** Puts an error in place of each page whose document does not exist. */
async function rejectMissingDocuments(
  db: Db,
  ledger: VectorTables,
  lines: readonly ParsedLine[],
): Promise<ParsedLine[]> {
  const docIds = lines.flatMap(({ page }) => page?.docId ?? []);
  const missing = await findMissingDocuments(db, ledger, docIds);
  return lines.map(({ page, ...line }) =>
    page !== undefined && missing.has(page.docId)
      ? {
          ...line,
          error: new LineError(line.number, new DocumentNotFoundError(page.docId, ['docId'])),
        }
      : { ...line, page },
  );
}
