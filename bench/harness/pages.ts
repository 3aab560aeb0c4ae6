import { randomUUID } from 'node:crypto';
import { patchVectorIds } from '../../src/index.ts';
import type { BenchPage, IdKind } from '../contender.ts';

/** A page with `count` ids of its own. */
export function makePage(kind: IdKind, docId: number, page: number, count: number): BenchPage {
  const vectorIds = {
    computed: () => patchVectorIds({ docId, page, count }),
    consecutive: () => Array.from({ length: count }, (_, patch) => `${docId}#${page}#${patch}`),
    random: () => Array.from({ length: count }, () => randomUUID()),
  }[kind]();
  return { docId, page, vectorIds };
}

/** A document's pages, numbered from 1. */
export function makeDocument(
  kind: IdKind,
  docId: number,
  pages: number,
  idsPerPage: number,
): BenchPage[] {
  return Array.from({ length: pages }, (_, index) => makePage(kind, docId, index + 1, idsPerPage));
}
