import { type InputPath, InvalidInputError } from '../errors.ts';
import type { PageKey } from '../require.ts';

/**
 * Refuses a page that comes a second time: which of the two should count is not for us to say.
 *
 * A document whose pages come in order takes one number, however many they are: a stream may be long.
 */
export class SeenPages {
  /** By document: pages 1 to this one have come. */
  private readonly upTo = new Map<number, number>();
  /** By document: the pages that have come out of order. */
  private readonly others = new Map<number, Set<number>>();

  /** @throws {InvalidInputError} The page has been added before. */
  add({ docId, page }: PageKey, path: InputPath): void {
    let upTo = this.upTo.get(docId) ?? 0;
    const others = this.others.get(docId);
    if (page <= upTo || others?.has(page)) {
      throw new InvalidInputError(path, `page ${page} of document ${docId} is given twice`);
    }
    if (page > upTo + 1) {
      this.others.set(docId, (others ?? new Set()).add(page));
      return;
    }
    do upTo += 1;
    while (others?.delete(upTo + 1));
    this.upTo.set(docId, upTo);
  }
}
