import {
  createVectorRepository,
  migrate,
  openDatabase,
  patchVectorId,
  patchVectorIds,
  type VectorRepository,
} from '../../src/index.ts';
import { type Backend, type BenchDatabase, withClient } from '../harness/backends.ts';
import { filledPage, fillPatchIds, pagesPerDocument } from '../harness/fill.ts';
import { randomBelow } from '../harness/random.ts';
import { summarize } from '../harness/statistics.ts';
import type { GrowthOperation, GrowthResult } from '../result.ts';

export type GrowthSizes = Record<keyof typeof defaultGrowthSizes, number>;

/** What `npm run bench:growth` measures without flags. */
export const defaultGrowthSizes = {
  /** As many as a page has in ColPali. */
  idsPerPage: 1030,
  /** Pages in the smallest ledger; each next ledger is ten times as large. */
  firstPages: 10_000,
  /** Pages in the largest ledger. */
  lastPages: 10_000_000,
  rounds: 5,
  /** Calls of each operation per round. */
  calls: 400,
  /** Connections that call at the same time, after a measurement with one connection. */
  connections: 16,
  /** Ids per call of `locate`: a typical number of search hits. */
  locateIds: 10,
};

interface Ledger {
  /** Pages it was filled with. */
  pages: number;
  database: BenchDatabase;
  /** Pages added by `upsertPage`. */
  added: number;
}

interface Samples {
  ms: number[];
  /** Time from the first call to the last answer, over all rounds. */
  busyMs: number;
}

/**
 * Measures the same calls on ledgers of several sizes.
 *
 * The ledgers exist side by side and take turns, so that other load on the machine affects all alike.
 */
export async function measureGrowth(
  backend: Backend,
  sizes: GrowthSizes,
  onProgress: (text: string) => void = () => {},
): Promise<Pick<GrowthResult, 'points' | 'bytes'>> {
  const ledgers: Ledger[] = [];
  try {
    for (let pages = sizes.firstPages; pages <= sizes.lastPages; pages *= 10) {
      const ledger = { pages, database: await backend.create(), added: 0 };
      ledgers.push(ledger);
      await fill(ledger, sizes.idsPerPage);
      onProgress(`filled a ledger with ${pages} pages`);
    }
    const points: GrowthResult['points'] = [];
    for (const connections of [1, sizes.connections]) {
      points.push(...(await measureWith(connections, ledgers, sizes)));
      onProgress(`measured with ${connections} connection${connections === 1 ? '' : 's'}`);
    }
    return { points, bytes: await Promise.all(ledgers.map(countBytes)) };
  } finally {
    for (const { database } of ledgers) await database.drop();
  }
}

async function fill({ pages, database }: Ledger, idsPerPage: number): Promise<void> {
  await migrate({ url: database.url });
  await withClient(database.url, async (client) => {
    await fillPatchIds(client, { from: 0, to: pages, idsPerPage });
    await client.run('vacuum analyze');
  });
}

async function measureWith(
  connections: number,
  ledgers: readonly Ledger[],
  sizes: GrowthSizes,
): Promise<GrowthResult['points']> {
  const opened = await Promise.all(
    ledgers.map(async (ledger) => {
      const { db, close } = await openDatabase(`${ledger.database.url}?max=${connections}`);
      return { ledger, calls: callsOn(createVectorRepository(db), ledger, sizes), close };
    }),
  );
  const samples = new Map<string, Samples>();
  // Round -1 connects and prepares statements; it is not counted.
  for (let round = -1; round < sizes.rounds; round += 1) {
    for (const { ledger, calls } of opened) {
      for (const [operation, call] of Object.entries(calls)) {
        const timed = await callRepeatedly(call, sizes.calls, connections);
        if (round < 0) continue;
        const key = `${ledger.pages} ${operation}`;
        const before = samples.get(key) ?? { ms: [], busyMs: 0 };
        samples.set(key, {
          ms: [...before.ms, ...timed.ms],
          busyMs: before.busyMs + timed.busyMs,
        });
      }
    }
  }
  for (const { close } of opened) await close();
  return [...samples].map(([key, { ms, busyMs }]) => {
    const [pages, operation] = key.split(' ');
    return {
      pages: Number(pages),
      operation: operation as GrowthOperation,
      connections,
      ms: summarize(ms),
      callsPerSecond: ms.length / (busyMs / 1_000),
    };
  });
}

/** One call of each operation, on random pages of the ledger. */
function callsOn(
  repository: VectorRepository,
  ledger: Ledger,
  { idsPerPage, locateIds }: GrowthSizes,
): Record<GrowthOperation, () => Promise<unknown>> {
  const anyPage = () => filledPage(randomBelow(ledger.pages));
  return {
    findByPage() {
      const { docId, page } = anyPage();
      return repository.findByPage(docId, page);
    },
    locate() {
      return repository.locate(
        Array.from({ length: locateIds }, () =>
          patchVectorId({ ...anyPage(), patch: randomBelow(idsPerPage) }),
        ),
      );
    },
    upsertPage() {
      const { docId } = anyPage();
      ledger.added += 1;
      const page = pagesPerDocument + ledger.added;
      return repository.upsertPage({
        docId,
        page,
        vectorIds: patchVectorIds({ docId, page, count: idsPerPage }),
      });
    },
  };
}

/** Makes `calls` calls in total, `concurrency` at a time. */
async function callRepeatedly(
  call: () => Promise<unknown>,
  calls: number,
  concurrency: number,
): Promise<Samples> {
  const ms: number[] = [];
  let left = calls;
  const caller = async () => {
    while (left > 0) {
      left -= 1;
      const start = performance.now();
      await call();
      ms.push(performance.now() - start);
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: concurrency }, caller));
  return { ms, busyMs: performance.now() - start };
}

async function countBytes({ pages, database }: Ledger): Promise<GrowthResult['bytes'][number]> {
  return withClient(database.url, async ({ query }) => {
    const [size] = await query<{ table: string; indexes: string }>(
      "select pg_table_size('vectors') as table, pg_indexes_size('vectors') as indexes",
    );
    return { pages, table: Number(size?.table), indexes: Number(size?.indexes) };
  });
}
