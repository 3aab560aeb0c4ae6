import { randomUUID } from 'node:crypto';
import { patchVectorIds } from '../../src/index.ts';
import type { BenchPage, IdKind } from '../contender.ts';

/** A page of `count` ids that no other page has. */
export function makePage(kind: IdKind, docId: number, page: number, count: number): BenchPage {
  const vectorIds = {
    patch: () => patchVectorIds({ docId, page, count }),
    consecutive: () => Array.from({ length: count }, (_, patch) => `${docId}#${page}#${patch}`),
    random: () => Array.from({ length: count }, () => randomUUID()),
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
