import type { BenchPage, BenchPageKey, Contender } from '../contender.ts';

/**
 * The design that the package takes over from: a page's ids as JSON in a text, and one index, on the
 * document.
 */
export const originalTables = `
  create table documents (id serial primary key);
  create table vectors (
    id serial primary key,
    doc_id integer not null references documents (id) on delete cascade,
    page integer not null,
    vector_ids text not null
  );
  create index ix_vectors_doc_id on vectors (doc_id);`;

/** A row of it, as the column holds it. */
export interface OriginalRow extends BenchPageKey {
  vectorIds: string;
}

/** Some 4 MB a statement, in every library. */
export const originalPagesAStatement = 100;

export function toOriginalRow({ docId, page, vectorIds }: BenchPage): OriginalRow {
  return { docId, page, vectorIds: JSON.stringify(vectorIds) };
}

export function parseOriginalRow({ docId, page, vectorIds }: OriginalRow): BenchPage {
  return { docId, page, vectorIds: JSON.parse(vectorIds) };
}

/** What the design has in common, whatever the library. */
export const originalDesign = {
  stores: 'lists',
  designedFor: 'random',
  keepsOrder: true,
  cannot: { locate: 'the ids stand in a text: to find one is to read every page' },
} as const satisfies Partial<Contender>;
