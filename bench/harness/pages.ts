import { randomUUID } from 'node:crypto';
import { type NewPageVectors, patchVectorIds } from '../../src/index.ts';
import { once } from '../../src/once.ts';
import type { BenchPage, IdKind } from '../contender.ts';

/** A page of `count` ids that no other page has; a page with a single id has one. */
export function makePage(kind: IdKind, docId: number, page: number, count: number): BenchPage {
  if (kind === 'patch') {
    // A list that is not read is not made, so that it does not fill the memory.
    const list = once(() => patchVectorIds({ docId, page, count }));
    return {
      docId,
      page,
      patches: count,
      get vectorIds() {
        return list();
      },
    };
  }
  const vectorIds = {
    consecutive: () => Array.from({ length: count }, (_, patch) => `${docId}#${page}#${patch}`),
    random: () => Array.from({ length: count }, () => randomUUID()),
    single: () => [randomUUID()],
  }[kind]();
  return { docId, page, vectorIds };
}

/** The pages of a document, numbered from 1. */
export function makeDocument(
  kind: IdKind,
  docId: number,
  pages: number,
  idsPerPage: number,
): BenchPage[] {
  return Array.from({ length: pages }, (_, index) => makePage(kind, docId, index + 1, idsPerPage));
}

/** The same pages with their ids as a list, which is made here. */
export function asLists(pages: readonly BenchPage[]): BenchPage[] {
  return pages.map(({ docId, page, vectorIds }) => ({ docId, page, vectorIds }));
}

/** What is on the pages, for titles: `pages of 1030 random ids`, `pages with one random id`. */
export function pagesOf(kind: IdKind, idsPerPage: number): string {
  return kind === 'single' ? 'pages with one random id' : `pages of ${idsPerPage} ${kind} ids`;
}

/** The page as the package records it: a number of patches, or a list of ids. */
export function asNewPage(made: BenchPage): NewPageVectors {
  const { docId, page, patches } = made;
  // Without reading the list of a page of patch ids, which would make it.
  return patches === undefined
    ? { docId, page, vectorIds: made.vectorIds }
    : { docId, page, patches };
}
