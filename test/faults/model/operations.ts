import fc from 'fast-check';

export const docIds = [1, 2];
/** Pages whose ids may be computed; such a page keeps its number. */
export const computedPages = [1, 2];
/** Pages with fresh ids alone, which may move. */
const movingPages = [3, 4];

/** One thing that an actor does; `crashAt` is the gate at which its process dies. */
export type Operation = { docId: number; page: number; crashAt: number | undefined } & (
  | { kind: 'ingest'; ids: 'computed' | 'fresh'; count: number; inTransaction: boolean }
  | { kind: 'ingest points first'; count: number }
  | { kind: 'replace document'; count: number }
  | { kind: 'delete page'; by: 'repository' | 'sql' }
  | { kind: 'delete document' }
  | { kind: 'move page'; to: number }
  | { kind: 'purge'; batchRows: number }
);

const count = fc.constantFrom(0, 1, 2, 5, 12);
/** Mostly the same page: what can go wrong takes several at it. */
const mostlyFirst = (values: readonly number[]) =>
  fc.nat(5).map((n) => values[n === 0 ? 1 : 0] ?? 1);
const place = fc.record({
  docId: mostlyFirst(docIds),
  page: mostlyFirst(computedPages),
  crashAt: fc.option(fc.nat(6), { nil: undefined, freq: 6 }),
});
const movingPlace = place.map((at) => ({ ...at, page: movingPages[at.page % 2] as number }));

export const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        place,
        fc.constantFrom('computed' as const, 'computed' as const, 'fresh' as const),
        count,
        fc.boolean(),
      )
      .map(([at, ids, n, inTransaction]) => ({
        ...at,
        kind: 'ingest' as const,
        ids,
        count: n,
        inTransaction,
      })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(movingPlace, count).map(([at, n]) => ({
      ...at,
      kind: 'ingest' as const,
      ids: 'fresh' as const,
      count: n,
      inTransaction: false,
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(movingPlace, count)
      .map(([at, n]) => ({ ...at, kind: 'ingest points first' as const, count: n })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(place, count)
      .map(([at, n]) => ({ ...at, kind: 'replace document' as const, count: n })),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(place, fc.constantFrom('repository' as const, 'sql' as const))
      .map(([at, by]) => ({ ...at, kind: 'delete page' as const, by })),
  },
  { weight: 1, arbitrary: place.map((at) => ({ ...at, kind: 'delete document' as const })) },
  {
    weight: 1,
    arbitrary: movingPlace.map((at) => ({
      ...at,
      kind: 'move page' as const,
      to: movingPages.find((page) => page !== at.page) as number,
    })),
  },
  {
    weight: 5,
    arbitrary: fc
      .tuple(place, fc.constantFrom(1, 2, 20))
      .map(([at, batchRows]) => ({ ...at, kind: 'purge' as const, batchRows })),
  },
);
