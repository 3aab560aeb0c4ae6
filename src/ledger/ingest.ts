import { batchesOf } from '../batches.ts';
import { CallbackError, runCallback } from '../callbacks.ts';
import type { DocumentId } from '../document-id.ts';
import { IngestError, InvalidInputError } from '../errors.ts';
import { emitEvent, type OnEvent, startTimer } from '../events.ts';
import {
  integer,
  requireFunction,
  requireIterable,
  requireOptions,
  requireSignal,
} from '../require.ts';
import { isTransaction } from '../uniform-db.ts';
import { countGivenIds } from './given-ids.ts';
import { markPagesIndexed, queueReplaced } from './mark-indexed.ts';
import type { NewPageVectors } from './page.ts';
import { retryDeadlocks } from './retry-deadlocks.ts';
import { checkStream, type RecordedPage, type WriteTarget, writeGiven } from './write-pages.ts';

/**
 * Writes the vectors of pages to the vector store, under the pages' ids. It may be called again for the same
 * pages, so writing an id a second time must replace its vector.
 */
export type WriteVectors<DocId extends DocumentId = number> = (
  pages: readonly RecordedPage<DocId>[],
  context: { signal: AbortSignal },
) => Promise<unknown>;

/** How pages are ingested. */
export interface IngestOptions {
  /** How many pages one call of `writeVectors` gets. {@defaultValue 50} */
  chunkPages?: number | undefined;
  /** Called after each chunk with the number of pages that the whole ingest has marked so far. */
  onProgress?: ((pages: number) => void) | undefined;
  /** Stops the ingest, which rejects with the signal's reason. Pages that are not indexed yet stay pending. */
  signal?: AbortSignal | undefined;
}

/**
 * Records pages as pending, writes their vectors, and marks the pages as indexed, chunk by chunk.
 *
 * @returns How many pages it marked.
 */
export async function ingestPages(
  target: WriteTarget,
  pages: Iterable<NewPageVectors<DocumentId>> | AsyncIterable<NewPageVectors<DocumentId>>,
  writeVectors: WriteVectors<DocumentId>,
  options: IngestOptions,
  onEvent: OnEvent | undefined,
): Promise<number> {
  const { db, tables } = target;
  requireOptions(options, {
    chunkPages: integer({ min: 1 }),
    onProgress: requireFunction,
    signal: requireSignal,
  });
  const { chunkPages = 50, onProgress, signal = new AbortController().signal } = options;
  if (isTransaction(db)) {
    // Other sessions could not see the pending pages, and a rollback would lose the ids of vectors already written.
    throw new InvalidInputError(['db'], 'must be a database to ingest pages, got a transaction');
  }
  requireIterable(pages, ['pages']);
  requireFunction(writeVectors, ['writeVectors']);

  await runCallback(() => signal.throwIfAborted());
  let indexed = 0;
  for await (const chunk of batchesOf(checkStream(pages, tables), { maxItems: chunkPages })) {
    await runCallback(() => signal.throwIfAborted());
    const durationMs = startTimer();
    const pending = chunk.map(({ page, path }) => ({ page: { ...page, pending: true }, path }));
    const recorded = await writeGiven(target, pending, { pending: true });
    try {
      await writeVectors(recorded, { signal });
    } catch (cause) {
      // The function may have written vectors of a page after the page was deleted and purged, so we queue them. If
      // queueing fails too, the caller still gets the function's error, and an audit finds the vectors.
      const queue = () => db.transaction((tx) => queueReplaced(tx, tables, recorded));
      await retryDeadlocks(db, queue).catch(() => {});
      if (signal.aborted) throw new CallbackError(cause);
      emitEvent(onEvent, {
        type: 'rejected',
        call: 'writeVectors',
        docIds: [...new Set(recorded.map(({ docId }) => docId))],
        error: cause,
        durationMs: durationMs(),
      });
      throw new IngestError(recorded, { cause });
    }
    const marked = await retryDeadlocks(db, () => markPagesIndexed(db, tables, recorded));
    const vectors = chunk.reduce((sum, { page }) => sum + countGivenIds(page), 0);
    emitEvent(onEvent, { type: 'ingested', pages: marked, vectors, durationMs: durationMs() });
    indexed += marked;
    await runCallback(() => onProgress?.(indexed));
  }
  return indexed;
}
