import type { Db } from '../db.ts';
import { InvalidInputError } from '../errors.ts';
import { SeenPages } from '../ledger/seen-pages.ts';
import { findMissingDocuments } from '../ledger/write-pages.ts';
import { createVectorRepository } from '../repository.ts';
import { defaultTables } from '../tables.ts';
import { readLines } from './lines.ts';
import { type PageLine, parsePageLine } from './page-line.ts';

/** What `importPages` did. */
export interface ImportResult {
  /** Pages recorded, those among them that were recorded so already. */
  pages: number;
  /** Lines left out because they were invalid. */
  skipped: number;
  /** The last line that was read, from 1. */
  lines: number;
  /** Whether it ended because the signal asked for it, before the end of the input. */
  stopped: boolean;
}

/** How pages are imported. */
export interface ImportOptions {
  /** Called for each line that is left out; without it the first one ends the import. */
  onInvalid?: ((error: LineError) => void) | undefined;
  onProgress?: ((progress: { pages: number; bytes: number }) => void) | undefined;
  /** Asks for an end after the pages that are being recorded. */
  signal?: AbortSignal | undefined;
}

/** A line that cannot be recorded. */
export class LineError extends Error {
  /** From 1. */
  readonly line: number;

  constructor(line: number, reason: string, options?: ErrorOptions) {
    super(`line ${line}: ${reason}`, options);
    this.name = 'LineError';
    this.line = line;
  }
}

/** One transaction takes so many lines, or so many bytes of them, whichever comes first. */
const chunkLines = 1_000;
const chunkBytes = 4_000_000;

/**
 * Records the pages of an NDJSON file, in chunks that are recorded whole or not at all.
 *
 * Run again, it leaves what is recorded so already alone. Memory stays flat, but for the pages that come
 * out of order within their document.
 *
 * @throws {LineError} A line is no page, names a document that is not there or a page that came before.
 *   All lines before it have been recorded.
 * @throws {DocumentNotFoundError} A document was deleted while its pages were being recorded.
 */
export async function importPages(
  db: Db,
  input: AsyncIterable<Buffer>,
  { onInvalid, onProgress, signal }: ImportOptions,
): Promise<ImportResult> {
  const ledger = createVectorRepository(db);
  const result = { pages: 0, skipped: 0, lines: 0 };

  async function record({ pages, pending }: Chunk): Promise<void> {
    await ledger.upsertPages(
      pages.map(({ page }) => page),
      { pending },
    );
    result.pages += pages.length;
  }

  try {
    for await (const chunk of chunksOf(input)) {
      if (signal?.aborted) break;
      const { valid, errors } = await withoutMissingDocuments(db, chunk);
      const [first] = errors;
      if (first !== undefined && onInvalid === undefined) {
        await record({ ...valid, pages: valid.pages.filter(({ line }) => line < first.line) });
        onProgress?.({ pages: result.pages, bytes: chunk.endOffset });
        throw first;
      }
      await record(valid);
      for (const error of errors) onInvalid?.(error);
      result.skipped += errors.length;
      result.lines = chunk.lastLine;
      onProgress?.({ pages: result.pages, bytes: chunk.endOffset });
    }
  } catch (error) {
    // What an aborted input throws to the one who waits for its next bytes.
    if (!(signal?.aborted && error instanceof Error && error.name === 'AbortError')) throw error;
  }
  return { ...result, stopped: signal?.aborted ?? false };
}

interface Chunk {
  pages: { line: number; page: PageLine }[];
  /** Of all its pages. */
  pending: boolean;
  invalid: LineError[];
  /** The last line that it takes in, invalid and empty ones too. */
  lastLine: number;
  endOffset: number;
}

/** The lines of a file as pages of one kind, pending or not, and the errors among them. */
async function* chunksOf(input: AsyncIterable<Buffer>): AsyncGenerator<Chunk> {
  const seen = new SeenPages();
  let chunk: Chunk = { pages: [], pending: false, invalid: [], lastLine: 0, endOffset: 0 };
  let startOffset = 0;
  for await (const { number: line, bytes, endOffset } of readLines(input)) {
    try {
      const page = parsePageLine(bytes);
      if (page !== undefined) {
        seen.add(page, ['page']);
        if (page.pending !== chunk.pending && chunk.pages.length > 0) {
          yield chunk;
          chunk = { ...chunk, pages: [], invalid: [] };
        }
        chunk.pending = page.pending;
        chunk.pages.push({ line, page });
      }
    } catch (error) {
      if (!(error instanceof InvalidInputError)) throw error;
      chunk.invalid.push(new LineError(line, error.message, { cause: error }));
    }
    chunk.lastLine = line;
    chunk.endOffset = endOffset;
    if (
      chunk.pages.length + chunk.invalid.length >= chunkLines ||
      endOffset - startOffset >= chunkBytes
    ) {
      yield chunk;
      chunk = { ...chunk, pages: [], invalid: [] };
      startOffset = endOffset;
    }
  }
  yield chunk;
}

/** The chunk without the pages of documents that are not there, and all errors by line. */
async function withoutMissingDocuments(
  db: Db,
  chunk: Chunk,
): Promise<{ valid: Chunk; errors: LineError[] }> {
  const docIds = chunk.pages.map(({ page }) => page.docId);
  const missing = await findMissingDocuments(db, defaultTables, docIds);
  const errors = [
    ...chunk.invalid,
    ...chunk.pages
      .filter(({ page }) => missing.has(page.docId))
      .map(({ line, page }) => new LineError(line, `docId: there is no document ${page.docId}`)),
  ].sort((a, b) => a.line - b.line);
  const pages = chunk.pages.filter(({ page }) => !missing.has(page.docId));
  return { valid: { ...chunk, pages }, errors };
}
