import type { BenchPageKey, Session } from '../contender.ts';

/** A row of a table that has a row per page. */
export interface PageRow<VectorIds> extends BenchPageKey {
  /** As the driver returns the column: JSONB is parsed, text is not. */
  vectorIds: VectorIds;
}

/** The queries on such a table. */
export interface PageTable<VectorIds> {
  selectPage(docId: number, page: number): Promise<PageRow<VectorIds>[]>;
  /** Returns the rows ordered by page. */
  selectDocument(docId: number): Promise<PageRow<VectorIds>[]>;
  /** Returns the rows in any order. */
  selectPages(keys: readonly BenchPageKey[]): Promise<PageRow<VectorIds>[]>;
}

/** The reading half of a session on such a table. */
export function readWith<VectorIds>(
  table: PageTable<VectorIds>,
  parse: (vectorIds: VectorIds) => string[],
) {
  return {
    async findByPage(docId, page) {
      const rows = await table.selectPage(docId, page);
      return rows.flatMap(({ vectorIds }) => parse(vectorIds));
    },
    async findByDocument(docId) {
      const rows = await table.selectDocument(docId);
      return rows.map(({ vectorIds }) => parse(vectorIds));
    },
    async findByPages(keys) {
      const rows = await table.selectPages(keys);
      const idsOf = new Map(
        rows.map(({ docId, page, vectorIds }) => [`${docId}/${page}`, parse(vectorIds)]),
      );
      return keys.map(({ docId, page }) => idsOf.get(`${docId}/${page}`) ?? []);
    },
  } satisfies Partial<Session>;
}

/** Splits `items` into parts of at most `length`: the rows of one statement. */
export function partition<Item>(items: readonly Item[], length: number): Item[][] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, index) =>
    items.slice(index * length, (index + 1) * length),
  );
}
