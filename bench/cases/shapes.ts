import { sql } from 'drizzle-orm';
import {
  createVectorRepository,
  type Db,
  distributeLedger,
  migrate,
  type NewPageVectors,
  openDatabase,
  partition,
  patchVectorId,
  purgeOrphans,
  type VectorRepository,
} from '../../src/index.ts';
import { createOnNodes, dropOnNodes } from '../../test/support/citus.ts';
import { onServer, withClient } from '../harness/backends.ts';
import { filledPage, fillPatchAndSingleIds, pagesPerDocument } from '../harness/fill.ts';
import { measure } from '../harness/measure.ts';
import { randomBelow, randomItem } from '../harness/random.ts';
import { median } from '../harness/statistics.ts';
import type { ShapesResult } from '../result.ts';

type Shape = ShapesResult['points'][number]['shape'];
export type ShapesSizes = Record<keyof typeof shapesSizes, number>;

/** What `npm run bench:shapes` measures without flags. */
export const shapesSizes = {
  /** As many as a page has in ColPali. */
  idsPerPage: 1030,
  /** Pages in the smallest ledgers; each next ones are ten times as large. */
  firstPages: 1_000_000,
  lastPages: 100_000_000,
  /** Pages in the largest ledger of the other shapes than one table. */
  lastPagesOfOthers: 10_000_000,
  partitions: 10,
  shards: 32,
  rounds: 5,
  /** Calls of an operation per round, if it is on one page. */
  calls: 100,
  /** Calls of an operation per round, if it is on many. */
  largeCalls: 3,
  /** Ids per call of `locate`: a typical number of search hits. */
  locateIds: 10,
};

/** A filled ledger. */
interface Ledger {
  shape: Shape;
  url: string;
  drop(): Promise<void>;
}

/**
 * Measures the same calls on ledgers of each shape.
 *
 * The ledgers of one size exist side by side and take turns, so that other load on the machine affects all alike.
 *
 * @param serverUrl - The server of one table and partitions.
 * @param isCoordinator - Whether the server is the coordinator of a Citus cluster, which is then measured too.
 * @param onSize - Gets what was measured with one size.
 */
export async function measureShapes(
  serverUrl: string,
  isCoordinator: boolean,
  sizes: ShapesSizes,
  onSize: (measured: Pick<ShapesResult, 'points' | 'bytes'>) => void,
): Promise<void> {
  for (let pages = sizes.firstPages; pages <= sizes.lastPages; pages *= 10) {
    const others: Shape[] = isCoordinator ? ['partitions', 'Citus'] : ['partitions'];
    const shapes: Shape[] = ['one table', ...(pages <= sizes.lastPagesOfOthers ? others : [])];
    const ledgers: Ledger[] = [];
    try {
      for (const shape of shapes) {
        const start = performance.now();
        ledgers.push(await createLedger(shape, serverUrl, pages, sizes));
        const seconds = Math.round((performance.now() - start) / 1_000);
        console.log(`${shape}: filled with ${pages} pages in ${seconds} s`);
      }
      onSize({
        points: await measureLedgers(ledgers, pages, sizes),
        bytes: await Promise.all(ledgers.map((ledger) => countBytes(ledger, pages))),
      });
    } finally {
      for (const ledger of ledgers) await ledger.drop();
    }
  }
}

async function createLedger(
  shape: Shape,
  serverUrl: string,
  pages: number,
  sizes: ShapesSizes,
): Promise<Ledger> {
  const ledger = await createDatabase(shape, serverUrl);
  const { url } = ledger;
  try {
    await migrate({ url });
    if (shape === 'Citus') await distributeLedger({ url, shards: sizes.shards, apply: true });
    if (shape === 'partitions') await makePartitions(url, pages, sizes.partitions);
    await withClient(url, async (client) => {
      await fillPatchAndSingleIds(client, { pages, idsPerPage: sizes.idsPerPage });
      await client.run('vacuum analyze');
    });
    return ledger;
  } catch (error) {
    await ledger.drop();
    throw error;
  }
}

async function createDatabase(shape: Shape, serverUrl: string): Promise<Ledger> {
  if (shape !== 'Citus') return { shape, ...(await onServer(serverUrl).create()) };
  const name = `colpali_vectors_bench_${process.pid}`;
  const drop = () => dropOnNodes(serverUrl, name);
  return { shape, url: await createOnNodes(serverUrl, name), drop };
}

/** Makes partitions of the same size. The pages that the calls add go to the last one. */
async function makePartitions(url: string, pages: number, partitions: number): Promise<void> {
  const documents = pages / pagesPerDocument;
  const at = Array.from({ length: partitions - 1 }, (_, index) =>
    Math.ceil(1 + ((index + 1) * documents) / partitions),
  );
  const { db, close } = await openDatabase(url);
  await partition(db, { at });
  await close();
}

async function measureLedgers(
  ledgers: readonly Ledger[],
  pages: number,
  sizes: ShapesSizes,
): Promise<ShapesResult['points']> {
  const opened = await Promise.all(
    ledgers.map(async ({ shape, url }) => {
      const { db, close } = await openDatabase(url);
      return { shape, operations: await operationsOn(db, pages, sizes), close };
    }),
  );
  const points: ShapesResult['points'] = [];
  try {
    for (const [operation, { calls }] of Object.entries(opened[0]?.operations ?? {})) {
      const tasks = opened.map(({ shape, operations }) => {
        const { prepare } = operations[operation] as Operation;
        return { contender: shape, prepare };
      });
      const timed = await measure(tasks, {
        rounds: sizes.rounds,
        executions: sizes[calls],
        budgetMs: Number.POSITIVE_INFINITY,
      });
      for (const { shape } of opened) {
        points.push({ pages, shape, operation, ms: median((timed.get(shape) ?? []).flat()) });
      }
    }
    return points;
  } finally {
    for (const { close } of opened) await close();
  }
}

/** An operation to time. */
interface Operation {
  calls: 'calls' | 'largeCalls';
  /** Sets up a call, untimed, and returns it. */
  prepare(): Promise<() => Promise<unknown>>;
}

/** The operations by their names in the report. */
async function operationsOn(
  db: Db,
  pages: number,
  { idsPerPage, locateIds }: ShapesSizes,
): Promise<Record<string, Operation>> {
  const repository = createVectorRepository(db);
  /** A random page of patch ids: every tenth page has one random id. */
  const patchPage = () => filledPage(randomBelow(pages / 10) * 10 + randomBelow(9));
  const anyPatchId = () => patchVectorId({ ...patchPage(), patch: 0 });
  const singles = await readSingleIds(repository, pages);
  let lastDocument = pages / pagesPerDocument;
  /** Adds documents, and returns their pages. */
  const newPages = async (documents: number): Promise<NewPageVectors[]> => {
    const first = lastDocument + 1;
    lastDocument += documents;
    await db.execute(
      sql`insert into documents (id) select generate_series(${first}::integer, ${lastDocument}::integer)`,
    );
    return Array.from({ length: documents * pagesPerDocument }, (_, index) => ({
      docId: first + Math.floor(index / pagesPerDocument),
      page: (index % pagesPerDocument) + 1,
      patches: idsPerPage,
    }));
  };
  const newDocument = async () => {
    await repository.upsertPages(await newPages(1));
    return lastDocument;
  };
  const purge = () => purgeOrphans(db, async () => {}, { batchIds: 10_000 });
  const call = (work: () => Promise<unknown>): Operation => ({
    calls: 'calls',
    prepare: async () => work,
  });
  const largeCall = (prepare: Operation['prepare']): Operation => ({
    calls: 'largeCalls',
    prepare,
  });
  return {
    'find a page': call(() => {
      const { docId, page } = patchPage();
      return repository.findByPage(docId, page);
    }),
    'find a document': call(() => repository.findByDocument(patchPage().docId)),
    [`locate ${locateIds} patch ids`]: call(() =>
      repository.locate(Array.from({ length: locateIds }, anyPatchId)),
    ),
    [`locate ${locateIds} random ids`]: call(() =>
      repository.locate(Array.from({ length: locateIds }, () => randomItem(singles))),
    ),
    'find pending pages': call(() => repository.findPending({ limit: 100 })),
    'record a page': {
      calls: 'calls',
      async prepare() {
        const [page] = await newPages(1);
        return () => repository.upsertPage(page as NewPageVectors);
      },
    },
    'record 10 documents': largeCall(async () => {
      const made = await newPages(10);
      return () => repository.upsertPages(made);
    }),
    'delete a document': largeCall(async () => {
      const docId = await newDocument();
      return () => repository.deleteByDocument(docId);
    }),
    'purge a document': largeCall(async () => {
      await purge();
      await repository.deleteByDocument(await newDocument());
      return purge;
    }),
    'stream 100 documents': largeCall(async () => {
      return async () => {
        let left = 100 * pagesPerDocument;
        for await (const _ of repository.streamPages()) {
          left -= 1;
          if (left === 0) break;
        }
      };
    }),
  };
}

/** Random ids of the ledger, from pages that have one each. */
async function readSingleIds(repository: VectorRepository, pages: number): Promise<string[]> {
  const keys = Array.from({ length: 500 }, () => filledPage(randomBelow(pages / 10) * 10 + 9));
  const found = await repository.findByPages(keys);
  return found.flatMap((page) => page?.vectorIds ?? []);
}

async function countBytes(
  { shape, url }: Ledger,
  pages: number,
): Promise<ShapesResult['bytes'][number]> {
  return withClient(url, async ({ query }) => {
    const [size] = await query<{ table: string; total: string }>(
      shape === 'Citus'
        ? `select citus_table_size('vectors') as table, citus_total_relation_size('vectors') as total`
        : // The tree of a table without partitions is empty.
          `select sum(pg_table_size(relid)) as table, sum(pg_total_relation_size(relid)) as total
          from (select 'vectors'::regclass as relid union select relid from pg_partition_tree('vectors')) as tree`,
    );
    const table = Number(size?.table);
    return { pages, shape, table, indexes: Number(size?.total) - table };
  });
}
