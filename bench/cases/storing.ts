import { type IdKind, layoutFor } from '../contender.ts';
import { withClient } from '../harness/backends.ts';
import { makeDocument } from '../harness/pages.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult } from '../result.ts';
import { caseResult } from './compare.ts';
import { type CaseGroup, type Participant, withParticipants } from './context.ts';

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
export const storing: CaseGroup = async ({ backend, sizes, contenders }) => {
  const results: CaseResult[] = [];
  const withTables = contenders.filter(({ table }) => table !== undefined);
  for (const kind of ['random', 'patch', 'consecutive'] satisfies IdKind[]) {
    const stored = await withParticipants(backend, withTables, async (participants) => {
      const bytes: Stored[] = [];
      for (const participant of participants) bytes.push(await store(participant, kind, sizes));
      return bytes;
    });
    for (const part of Object.keys(parts) as (keyof typeof parts)[]) {
      results.push(
        caseResult(
          backend,
          {
            id: `bytes-${part}-${kind}`,
            title: `${parts[part]}, pages of ${sizes.idsPerPage} ${kind} ids`,
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
  }
  return results;
};

async function store(
  { contender, session, database }: Participant,
  kind: IdKind,
  sizes: Sizes,
): Promise<Stored> {
  const pages = {
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
