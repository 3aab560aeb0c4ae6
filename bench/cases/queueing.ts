import { setTimeout as sleep } from 'node:timers/promises';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  migrate,
  openDatabase,
  purgeOrphans,
} from '../../src/index.ts';
import { ours } from '../contenders/ours.ts';
import type { SqlClient } from '../contenders/sql-client.ts';
import { type BenchDatabase, withClient } from '../harness/backends.ts';
import { fillOneRandomId } from '../harness/fill.ts';
import { randomBelow } from '../harness/random.ts';
import type { Sizes } from '../harness/sizes.ts';
import { summarize } from '../harness/statistics.ts';
import type { CaseResult } from '../result.ts';
import { caseResult, compare } from './compare.ts';
import type { CaseContext, CaseGroup } from './context.ts';

/** Rows of the queue that belong to one document. */
const rowsPerDocument = 100;

/** Ids in the store that no page has, for which the audit reads the queue. */
const strays = 100;

/** The package with this many queued ids, or none, in a database of its own. */
interface Ledger {
  name: string;
  database: BenchDatabase;
  /** Rows in the queue before the measurement. */
  rows: number;
  db: Db;
  close(): Promise<void>;
}

/** Purges and audits with an empty queue and with a long one, and records pages beside a purge. */
export const queueing: CaseGroup = async (context) => {
  const { backend, sizes } = context;
  const ledgers: Ledger[] = [];
  try {
    for (const rows of [0, sizes.queueRows]) {
      ledgers.push(await openLedger(await backend.create(), rows, sizes));
    }
    const results = [await comparePurges(context, ledgers), await compareAudits(context, ledgers)];
    // PGlite has one session: its writer waits for whole transactions of the purge.
    if (backend.kind === 'server')
      results.push(await writeBesidePurge(context, ledgers[1] as Ledger));
    return results;
  } finally {
    for (const { close, database } of ledgers) {
      await close();
      await database.drop();
    }
  }
};

async function openLedger(database: BenchDatabase, rows: number, sizes: Sizes): Promise<Ledger> {
  await migrate({ url: database.url });
  await withClient(database.url, async (client) => {
    await fillOneRandomId(client, { from: 0, to: sizes.auditPages });
    const docIds = Math.ceil(Math.max(sizes.queueRows, sizes.purgeRows) / rowsPerDocument);
    await client.query(
      'insert into documents (id) select generate_series(1, $1::integer) on conflict do nothing',
      [docIds],
    );
    await queueRows(client, rows, sizes);
    await client.run('vacuum analyze');
  });
  const opened = await openDatabase(database.url);
  const name = rows === 0 ? ours.name : `${ours.name}, ${rows * sizes.queueIdsPerRow} queued ids`;
  return { name, database, rows, ...opened };
}

/** Queues rows as deletes do: one per page, each with random ids. */
async function queueRows(
  { query }: Pick<SqlClient, 'query'>,
  rows: number,
  { queueIdsPerRow }: Sizes,
): Promise<void> {
  await query(
    `insert into vector_orphans (doc_id, page, vector_ids, vector_count)
    select 1 + n / $2::integer, 1 + n % $2::integer, (
      select jsonb_agg(md5(n::text || clock_timestamp()::text || id::text)::uuid::text)
      from generate_series(1, $3::integer) as id
    ), $3::integer
    from generate_series(0, $1::integer - 1) as n`,
    [rows, rowsPerDocument, queueIdsPerRow],
  );
}

/** Deletes as many rows with either queue. */
async function comparePurges(context: CaseContext, ledgers: Ledger[]): Promise<CaseResult> {
  const { sizes } = context;
  const limit = sizes.purgeRows;
  return compare(
    context,
    {
      id: 'queue-purge',
      title: `purge ${limit} rows of ${sizes.queueIdsPerRow} ids`,
      unit: 'pages/s',
    },
    ledgers.map(({ name, db, database, rows }) => ({
      contender: name,
      pages: limit,
      async prepare() {
        // Also replaces what the purge before has deleted from the long queue.
        await onClient(database, db, (client) => queueRows(client, limit, sizes));
        return () => purgeOrphans(db, async () => {}, rows === 0 ? {} : { limit });
      },
    })),
    { rounds: sizes.writeRounds, executions: 1 },
  );
}

/** Compares the same pages with the same store, which has a few ids that the ledger does not know. */
async function compareAudits(context: CaseContext, ledgers: Ledger[]): Promise<CaseResult> {
  const { sizes } = context;
  const tasks = await Promise.all(
    ledgers.map(async ({ name, db }) => {
      const stored: string[] = Array.from({ length: strays }, (_, n) => `stray-${n}`);
      for await (const { vectorIds } of createVectorRepository(db).streamPages({
        batchSize: 1_000,
      })) {
        stored.push(...vectorIds);
      }
      const known = new Set(stored);
      const store = {
        async *listIds() {
          for (let first = 0; first < stored.length; first += 1_000) {
            yield stored.slice(first, first + 1_000);
          }
        },
        existing: async (ids: string[]) => ids.filter((id) => known.has(id)),
      };
      return {
        contender: name,
        pages: sizes.auditPages,
        prepare: async () => async () => {
          const { missing, untracked } = await auditVectors(db, store);
          if (missing.vectors !== 0 || untracked.vectors !== strays) {
            throw new Error(
              `${name}: the audit reports ${missing.vectors} and ${untracked.vectors}`,
            );
          }
        },
      };
    }),
  );
  return compare(
    context,
    {
      id: 'queue-audit',
      title: `audit ${sizes.auditPages} pages with one random id`,
      unit: 'pages/s',
    },
    tasks,
    { rounds: 3, executions: 1 },
  );
}

/** The 99th percentile of the time that a writer of single pages needs, alone and beside a purge. */
async function writeBesidePurge(
  { backend, sizes }: CaseContext,
  { db, rows }: Ledger,
): Promise<CaseResult> {
  const writer = createVectorRepository(db);
  let page = 1_000_000;
  const write = async () => {
    const samples: number[] = [];
    for (let count = 0; count < sizes.writesBesidePurge; count += 1) {
      // Documents that the purge is working on.
      const docId = 1 + randomBelow(Math.ceil(rows / rowsPerDocument));
      page += 1;
      const start = performance.now();
      await writer.upsertPage({ docId, page, patches: sizes.idsPerPage });
      samples.push(performance.now() - start);
    }
    return summarize(samples).p99;
  };
  await write();
  const alone = await write();
  const stop = new AbortController();
  const purging = purgeOrphans(db, async () => void (await sleep(sizes.storeMs)), {
    signal: stop.signal,
  }).catch((error: unknown) => {
    if (!stop.signal.aborted) throw error;
  });
  const beside = await write();
  stop.abort();
  await purging;
  return caseResult(
    backend,
    {
      id: 'queue-write',
      title: `record a page beside a purge whose calls take ${sizes.storeMs} ms (p99)`,
      unit: 'ms',
    },
    [
      { contender: ours.name, pages: 1, rounds: [[beside]] },
      { contender: `${ours.name}, no purge`, pages: 1, rounds: [[alone]] },
    ],
  );
}

/** Runs `work` on the server, or on the PGlite database that is open. */
async function onClient(
  { url }: BenchDatabase,
  db: Db,
  work: (client: Pick<SqlClient, 'query'>) => Promise<void>,
): Promise<void> {
  if (url.startsWith('postgres')) return withClient(url, work);
  const { $client } = db as unknown as {
    $client: { query(text: string, values: unknown[]): unknown };
  };
  const query = async (text: string, values: unknown[] = []) => {
    await $client.query(text, values);
    return [];
  };
  return work({ query: query as SqlClient['query'] });
}
