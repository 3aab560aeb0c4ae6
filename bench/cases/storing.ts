import type { Contender, IdKind } from '../contender.ts';
import { makeDocument } from '../harness/pages.ts';
import { withClient } from '../harness/places.ts';
import type { Sizes } from '../harness/sizes.ts';
import type { CaseResult } from '../result.ts';
import { caseResult } from './compare.ts';
import { type CaseGroup, type Participant, withParticipants } from './context.ts';

/** What is counted, a page. */
const parts = {
  table: 'the table',
  indexes: 'its indexes',
  wal: 'write-ahead log',
} as const;

/** Pages a call. */
const callPages = 1_000;

/**
 * Bytes that a page takes: in the table, in its indexes, and in the server's log while it is written.
 *
 * The log is the whole server's: whoever else writes meanwhile is counted.
 */
export const storing: CaseGroup = async ({ place, sizes, contenders }) => {
  const results: CaseResult[] = [];
  const withTables = contenders.filter(({ table }) => table !== undefined);
  for (const kind of ['random', 'computed', 'consecutive'] satisfies IdKind[]) {
    const stored = await withParticipants(place, withTables, async (participants) => {
      const bytes = [];
      for (const participant of participants) bytes.push(await store(participant, kind, sizes));
      return bytes;
    });
    for (const part of Object.keys(parts) as (keyof typeof parts)[]) {
      results.push(
        caseResult(
          {
            id: `bytes-${part}-${kind}`,
            title: `${parts[part]}, a page of ${sizes.idsPerPage} ${kind} ids`,
            place: place.kind,
            unit: 'bytes/page',
            checkedIds: 0,
            leftOut: [],
          },
          stored.map(({ contender, pages, ...counted }) => ({
            contender,
            pages,
            rounds: [[counted[part]]],
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
): Promise<{ contender: string; pages: number } & Record<keyof typeof parts, number>> {
  const pages = storedPages(contender, kind, sizes);
  return withClient(database.url, async ({ query }) => {
    const position = async () => {
      const [row] = await query<{ bytes: string }>(
        "select pg_current_wal_insert_lsn() - '0/0' as bytes",
      );
      return Number(row?.bytes);
    };
    const before = await position();
    for (let written = 0; written < pages; written += callPages) {
      const docId = 1 + written / callPages;
      await session.addDocuments([docId]);
      await session.writePages(
        makeDocument(kind, docId, Math.min(callPages, pages - written), sizes.idsPerPage),
      );
    }
    const after = await position();
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

function storedPages({ stores }: Contender, kind: IdKind, sizes: Sizes): number {
  if (stores === 'rows') return sizes.storedPagesAsRows;
  // Random ids make no runs.
  return stores === 'runs' && kind !== 'random'
    ? sizes.storedPagesAsRuns
    : sizes.storedPagesAsLists;
}
