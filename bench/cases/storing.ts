import { type Contender, type IdKind, layoutFor } from '../contender.ts';
import { withClient } from '../harness/backends.ts';
import { makeDocument, pagesOf } from '../harness/pages.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult } from '../result.ts';
import { caseResult } from './compare.ts';
import { type CaseContext, type CaseGroup, type Participant, withParticipants } from './context.ts';

const parts = {
  table: 'table',
  indexes: 'indexes',
  wal: 'write-ahead log',
} as const;

/** Bytes per page. */
type Stored = { contender: string; pages: number } & Record<keyof typeof parts, number>;

/** Pages written per call. */
const pagesPerCall = 1_000;

/**
 * Counts the bytes per page in the table, in its indexes, and in the write-ahead log.
 *
 * The log belongs to the whole server, so writes of other clients are counted too.
 */
export const storing: CaseGroup = async (context) => {
  const results: CaseResult[] = [];
  const withTables = context.contenders.filter(({ table }) => table !== undefined);
  for (const kind of ['single', 'random', 'patch', 'consecutive'] satisfies IdKind[]) {
    results.push(...(await countBytes(context, withTables, { kind, id: kind })));
  }
  return results;
};

/** Counts the bytes of pages of one kind. `id` ends the ids of the cases. */
export async function countBytes(
  { backend, sizes }: CaseContext,
  contenders: readonly Contender[],
  { kind, id, idsPerPage = sizes.idsPerPage }: { kind: IdKind; id: string; idsPerPage?: number },
): Promise<CaseResult[]> {
  const stored = await withParticipants(backend, contenders, async (participants) => {
    const bytes: Stored[] = [];
    for (const participant of participants) {
      bytes.push(await store(participant, kind, { ...sizes, idsPerPage }));
    }
    return bytes;
  });
  return (Object.keys(parts) as (keyof typeof parts)[]).map((part) =>
    caseResult(
      backend,
      {
        id: `bytes-${part}-${id}`,
        title: `${parts[part]}, ${pagesOf(kind, idsPerPage)}`,
        unit: 'bytes/page',
      },
      stored.map(({ contender, pages, ...bytes }) => ({
        contender,
        pages,
        rounds: [[bytes[part]]],
      })),
    ),
  );
}

async function store(
  { contender, session, database }: Participant,
  kind: IdKind,
  sizes: Sizes,
): Promise<Stored> {
  const pages =
    kind === 'single'
      ? sizes.storedPagesOfOneId
      : {
          runs: sizes.storedPagesAsRuns,
          lists: sizes.storedPagesAsLists,
          rows: sizes.storedPagesAsRows,
        }[layoutFor(contender, kind)];
  return withClient(database.url, async ({ query }) => {
    const logPosition = async () => {
      const [row] = await query<{ bytes: string }>(
        "select pg_current_wal_insert_lsn() - '0/0' as bytes",
      );
      return Number(row?.bytes);
    };
    const before = await logPosition();
    for (let written = 0; written < pages; written += pagesPerCall) {
      const docId = 1 + written / pagesPerCall;
      await session.addDocuments([docId]);
      await session.writePages(
        makeDocument(kind, docId, Math.min(pagesPerCall, pages - written), sizes.idsPerPage),
      );
    }
    const after = await logPosition();
    const [size] = await query<{ table: string; indexes: string }>(
      `select pg_table_size($1::regclass) as table, pg_indexes_size($1::regclass) as indexes`,
      [contender.table],
    );
    return {
      contender: contender.name,
      pages,
      table: Number(size?.table) / pages,
      indexes: Number(size?.indexes) / pages,
      wal: (after - before) / pages,
    };
  });
}
