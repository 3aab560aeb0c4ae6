import {
  createVectorRepository,
  migrate,
  openDatabase,
  patchVectorId,
  type VectorRepository,
} from '../../src/index.ts';
import type { IdKind } from '../contender.ts';
import { type Backend, type BenchDatabase, withClient } from '../harness/backends.ts';
import { filledPage, fillMixture, fillPatchIds, pagesPerDocument } from '../harness/fill.ts';
import { asNewPage, makePage } from '../harness/pages.ts';
import { randomBelow, randomItem } from '../harness/random.ts';
import { summarize } from '../harness/statistics.ts';
import type { GrowthOperation, GrowthResult } from '../result.ts';

export type GrowthSizes = Record<keyof typeof defaultGrowthSizes, number>;

/** What the ledgers contain: pages of patch ids, or pages of all kinds. */
export type LedgerKind = 'patch' | 'mixture';

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

/** Random ids take more space: the largest mixed ledger has a tenth of the pages. */
export const mixtureGrowthSizes: GrowthSizes = { ...defaultGrowthSizes, lastPages: 1_000_000 };

/** How many pages of a mixed ledger the located ids are from. */
const sampledPages = 2_000;

interface Ledger {
  /** Pages it was filled with. */
  pages: number;
  database: BenchDatabase;
  kind: LedgerKind;
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
  kind: LedgerKind,
  onProgress: (text: string) => void = () => {},
): Promise<Pick<GrowthResult, 'points' | 'bytes'>> {
  const ledgers: Ledger[] = [];
  try {
    for (let pages = sizes.firstPages; pages <= sizes.lastPages; pages *= 10) {
      const ledger = { pages, database: await backend.create(), kind, added: 0 };
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

async function fill({ pages, database, kind }: Ledger, idsPerPage: number): Promise<void> {
  await migrate({ url: database.url });
  await withClient(database.url, async (client) => {
    const span = { from: 0, to: pages, idsPerPage };
    await (kind === 'patch' ? fillPatchIds(client, span) : fillMixture(client, span));
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
      const repository = createVectorRepository(db);
      const anyId = await anyIdOf(repository, ledger, sizes);
      return { ledger, calls: callsOn(repository, ledger, sizes, anyId), close };
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
      ms: percentiles(ms),
      callsPerSecond: ms.length / (busyMs / 1_000),
    };
  });
}

/** A function that returns a random id of the ledger. */
async function anyIdOf(
  repository: VectorRepository,
  { pages, kind }: Ledger,
  { idsPerPage }: GrowthSizes,
): Promise<() => string> {
  if (kind === 'patch') {
    return () =>
      patchVectorId({ ...filledPage(randomBelow(pages)), patch: randomBelow(idsPerPage) });
  }
  const samples: string[] = [];
  for (let read = 0; read < sampledPages; read += 100) {
    const keys = Array.from({ length: 100 }, () => filledPage(randomBelow(pages)));
    for (const page of await repository.findByPages(keys)) {
      samples.push(randomItem(page?.vectorIds ?? []));
    }
  }
  return () => randomItem(samples);
}

/** One call of each operation, on random pages of the ledger. */
function callsOn(
  repository: VectorRepository,
  ledger: Ledger,
  { idsPerPage, locateIds }: GrowthSizes,
  anyId: () => string,
): Record<GrowthOperation, () => Promise<unknown>> {
  const anyPage = () => filledPage(randomBelow(ledger.pages));
  return {
    findByPage() {
      const { docId, page } = anyPage();
      return repository.findByPage(docId, page);
    },
    locate() {
      return repository.locate(Array.from({ length: locateIds }, anyId));
    },
    upsertPage() {
      const { docId } = anyPage();
      ledger.added += 1;
      const page = pagesPerDocument + ledger.added;
      const made = makePage(kindOfAdded(ledger), docId, page, idsPerPage);
      return repository.upsertPage(asNewPage(made));
    },
  };
}

/** As many pages of each kind as in the ledger. */
function kindOfAdded({ kind, added }: Ledger): IdKind {
  if (kind === 'patch') return 'patch';
  if (added % 100 === 0) return 'random';
  return added % 2 === 0 ? 'patch' : 'single';
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

function percentiles(samples: readonly number[]) {
  const { median, p99 } = summarize(samples);
  return { median, p99 };
}
