import {
  createVectorRepository,
  migrate,
  openDatabase,
  patchVectorId,
  patchVectorIds,
  type VectorRepository,
} from '../../src/index.ts';
import { fillComputed, filledPage, pagesADocument } from '../harness/fill.ts';
import { type BenchDatabase, type Place, withClient } from '../harness/places.ts';
import { summarize } from '../harness/statistics.ts';
import type { GrowthOperation, GrowthResult } from '../result.ts';

/** How far a ledger grows, and how much is measured. */
export type GrowthSizes = Record<keyof typeof defaultGrowthSizes, number>;

/** What `npm run bench:growth` does unless flags say otherwise: `--last-pages 1000000`. */
export const defaultGrowthSizes = {
  /** A page of ColPali. */
  idsPerPage: 1030,
  /** Pages of the smallest ledger; each of the others has ten times as many as the one before. */
  firstPages: 10_000,
  /** Pages of the largest. */
  lastPages: 10_000_000,
  rounds: 5,
  /** Calls of an operation in a round. */
  calls: 400,
  /** Connections that are busy at once, besides the runs with a single one. */
  connections: 16,
  /** Ids that one `locate` asks for: as many as a search has hits. */
  locateIds: 10,
};

/** A ledger of so many pages. */
interface Ledger {
  pages: number;
  database: BenchDatabase;
  /** How many pages each document has by now, beyond those it was filled with. */
  added: number;
}

type Samples = { ms: number[]; busyMs: number };

/**
 * The same calls on ledgers of several sizes, which stand side by side and take turns: what else the
 * machine does meanwhile meets them all alike.
 */
export async function measureGrowth(
  place: Place,
  sizes: GrowthSizes,
  onProgress: (text: string) => void = () => {},
): Promise<Pick<GrowthResult, 'points' | 'bytes'>> {
  const ledgers: Ledger[] = [];
  try {
    for (let pages = sizes.firstPages; pages <= sizes.lastPages; pages *= 10) {
      ledgers.push({ pages, database: await place.create(), added: 0 });
      await fill(ledgers.at(-1) as Ledger, sizes.idsPerPage);
      onProgress(`filled ${pages} pages`);
    }
    const points: GrowthResult['points'] = [];
    for (const connections of [1, sizes.connections]) {
      points.push(...(await measureWith(connections, ledgers, sizes)));
      onProgress(`measured with ${connections} connections`);
    }
    return { points, bytes: await Promise.all(ledgers.map(countBytes)) };
  } finally {
    for (const { database } of ledgers) await database.drop();
  }
}

async function fill({ pages, database }: Ledger, idsPerPage: number): Promise<void> {
  await migrate({ url: database.url });
  await withClient(database.url, async (client) => {
    await fillComputed(client, { from: 0, to: pages, idsPerPage });
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
  // The round before the first connects, prepares, and is not counted.
  for (let round = -1; round < sizes.rounds; round += 1) {
    for (const { ledger, calls } of opened) {
      for (const [operation, call] of Object.entries(calls)) {
        const timed = await callOften(call, sizes.calls, connections);
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
      callsASecond: ms.length / (busyMs / 1_000),
    };
  });
}

/** One call of each operation, on any page of the ledger. */
function callsOn(
  repository: VectorRepository,
  ledger: Ledger,
  { idsPerPage, locateIds }: GrowthSizes,
): Record<GrowthOperation, () => Promise<unknown>> {
  const anyPage = () => filledPage(Math.floor(Math.random() * ledger.pages));
  return {
    findByPage() {
      const { docId, page } = anyPage();
      return repository.findByPage(docId, page);
    },
    locate() {
      return repository.locate(
        Array.from({ length: locateIds }, () =>
          patchVectorId({ ...anyPage(), patch: Math.floor(Math.random() * idsPerPage) }),
        ),
      );
    },
    upsertPage() {
      const { docId } = anyPage();
      ledger.added += 1;
      const page = pagesADocument + ledger.added;
      return repository.upsertPage({
        docId,
        page,
        vectorIds: patchVectorIds({ docId, page, count: idsPerPage }),
      });
    },
  };
}

/** `calls` calls, `atOnce` of them at any time. */
async function callOften(
  call: () => Promise<unknown>,
  calls: number,
  atOnce: number,
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
  await Promise.all(Array.from({ length: atOnce }, caller));
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
