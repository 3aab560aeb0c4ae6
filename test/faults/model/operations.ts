import fc from 'fast-check';

export const docIds = [1, 2];
/** Pages that may have patch ids. They are never moved, because their ids name them. */
export const fixedPages = [1, 2];
/** Pages that have only fresh ids and may be moved. */
const movingPages = [3, 4];

/**
 * The ids of a page. `patch` ids return when the page is recorded again, `respelled` ids are patch ids in another
 * spelling, `fresh` ids are used once, and `content` ids are shared by both documents.
 */
export type IdKind = 'patch' | 'respelled' | 'fresh' | 'content';

/** How an ingest talks to the ledger. */
export type IngestWay =
  | 'ingest()'
  | 'parts'
  | 'transaction, read committed'
  | 'transaction, repeatable read'
  | 'transaction, serializable'
  | 'savepoint'
  | 'two-phase commit'
  | 'merge'
  | 'copy';

/** What the vector store does during a purge. */
export type StoreMood = 'works' | 'fails halfway' | 'hangs';

/** One thing that an actor does. Its process dies at the gate `crashAt`. */
export type Operation = { docId: number; page: number; crashAt: number | undefined } & (
  | { kind: 'ingest'; ids: IdKind; count: number; way: IngestWay }
  | { kind: 'write vectors first'; count: number }
  | { kind: 'replace document'; count: number }
  | { kind: 'delete page'; by: 'repository' | 'sql' | 'merge' }
  | { kind: 'delete document' }
  | { kind: 'truncate' }
  | { kind: 'move page'; toPage: number; toDocument: number }
  | { kind: 'queue stray'; count: number }
  | { kind: 'purge'; batchIds: number; store: StoreMood }
);

const count = fc.constantFrom(0, 1, 2, 5, 12, 12, 30);
/** Mostly the first value: a fault usually needs several actors at the same page. */
const mostlyFirst = (values: readonly number[]) =>
  fc.nat(5).map((n) => values[n === 0 ? 1 : 0] ?? 1);
const place = fc.record({
  docId: mostlyFirst(docIds),
  page: mostlyFirst(fixedPages),
  crashAt: fc.option(fc.nat(6), { nil: undefined, freq: 6 }),
});
const movingPlace = place.map((at) => ({ ...at, page: movingPages[at.page % 2] as number }));

const ways = fc.constantFrom<IngestWay>(
  'ingest()',
  'ingest()',
  'ingest()',
  'parts',
  'parts',
  'transaction, read committed',
  'transaction, repeatable read',
  'transaction, serializable',
  'savepoint',
  'two-phase commit',
  'merge',
  'copy',
);
const kinds = fc.constantFrom<IdKind>('patch', 'patch', 'patch', 'respelled', 'fresh', 'content');

export const operations: fc.Arbitrary<Operation> = fc.oneof(
  {
    weight: 7,
    arbitrary: fc
      .tuple(place, kinds, count, ways)
      .map(([at, ids, n, way]) => ({ ...at, kind: 'ingest' as const, ids, count: n, way })),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(movingPlace, count, ways).map(([at, n, way]) => ({
      ...at,
      kind: 'ingest' as const,
      ids: 'fresh' as const,
      count: n,
      way,
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(movingPlace, count)
      .map(([at, n]) => ({ ...at, kind: 'write vectors first' as const, count: n })),
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
      .tuple(place, fc.constantFrom('repository' as const, 'sql' as const, 'merge' as const))
      .map(([at, by]) => ({ ...at, kind: 'delete page' as const, by })),
  },
  { weight: 1, arbitrary: place.map((at) => ({ ...at, kind: 'delete document' as const })) },
  { weight: 1, arbitrary: place.map((at) => ({ ...at, kind: 'truncate' as const })) },
  {
    weight: 1,
    arbitrary: fc.tuple(movingPlace, fc.boolean()).map(([at, toOtherDocument]) => ({
      ...at,
      kind: 'move page' as const,
      toPage: movingPages.find((page) => page !== at.page) as number,
      toDocument: toOtherDocument ? (docIds.find((id) => id !== at.docId) as number) : at.docId,
    })),
  },
  {
    weight: 1,
    arbitrary: fc
      .tuple(place, count)
      .map(([at, n]) => ({ ...at, kind: 'queue stray' as const, count: n })),
  },
  {
    weight: 6,
    arbitrary: fc
      .tuple(
        place,
        fc.constantFrom(2, 10, 1_000),
        fc.constantFrom<StoreMood>('works', 'works', 'works', 'works', 'fails halfway', 'hangs'),
      )
      .map(([at, batchIds, store]) => ({ ...at, kind: 'purge' as const, batchIds, store })),
  },
);

/** Whether a host can do this on Citus at all. */
export function runsOnCitus(operation: Operation): boolean {
  switch (operation.kind) {
    case 'queue stray':
    case 'move page':
      return false;
    case 'ingest':
      // COPY works, but it reports all errors of a shard as internal errors.
      return !['two-phase commit', 'merge', 'copy'].includes(operation.way);
    case 'delete page':
      return operation.by !== 'merge';
    default:
      return true;
  }
}
