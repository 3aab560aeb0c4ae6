import type { DocumentId } from '../document-id.ts';
import { formatDocId, type InputPath, InvalidInputError } from '../errors.ts';
import { LargeMap } from '../large-map.ts';
import type { PageKey } from './page.ts';

/**
 * Rejects a page that is given twice, because we cannot know which of the two to keep.
 *
 * Streams may be long, so for a document whose pages come in order we keep one number, not one per page.
 */
export class SeenPages {
  /** For each document, the last of the pages 1, 2, 3 ... that came in order. */
  private readonly inOrder = new LargeMap<DocumentId, number>();
  /** For each document, the pages that came out of order. */
  private readonly outOfOrder = new LargeMap<DocumentId, Set<number>>();

  /** @throws {InvalidInputError} The page was added before. */
  add({ docId, page }: PageKey<DocumentId>, path: InputPath): void {
    let last = this.inOrder.get(docId) ?? 0;
    const others = this.outOfOrder.get(docId);
    if (page <= last || others?.has(page)) {
      throw new InvalidInputError(
        path,
        `page ${page} of document ${formatDocId(docId)} is given twice`,
      );
    }
    if (page > last + 1) {
      this.outOfOrder.set(docId, (others ?? new Set()).add(page));
      return;
    }
    do last += 1;
    while (others?.delete(last + 1));
    this.inOrder.set(docId, last);
  }
}
