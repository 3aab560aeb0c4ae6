import { eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { rowsOf } from '../../src/database.ts';
import { toLedgerError } from '../../src/errors.ts';
import {
  auditVectors,
  createVectorRepository,
  DatabaseError,
  DatabaseUnavailableError,
  type Db,
  DocumentNotFoundError,
  documents,
  type NewPageVectors,
  type OpenDatabase,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { useServerDatabase } from '../support/database.ts';
import { Interleaver } from '../support/interleaver.ts';
import { MemoryStore } from '../support/memory-store.ts';

/** `npm run test:faults` runs the full number; `npm test` enough to notice a broken protocol. */
const runs = inject('faults') === 'full' ? 3_000 : 60;
const actorCount = 4;

const docIds = [1, 2];
/** Pages whose ids may be computed; such a page keeps its number. */
const computedPages = [1, 2];
/** Pages with fresh ids alone, which may move. */
const movingPages = [3, 4];

/** One thing that an actor does; `crashAt` is the gate at which its process dies. */
type Operation = { docId: number; page: number; crashAt: number | undefined } & (
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

const operations: fc.Arbitrary<Operation> = fc.oneof(
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

const serverUrl = useServerDatabase();
let control: OpenDatabase;
/** What the runs went through, for the report. */
const totals = {
  runs: 0,
  steps: 0,
  operations: 0,
  crashes: 0,
  idsChecked: 0,
  abandoned: 0,
  strays: 0,
};

beforeAll(async () => {
  control = await openDatabase(serverUrl());
});
afterAll(async () => {
  await control.close();
  console.log(`model test: ${JSON.stringify(totals)}`);
});

/** The process died: its connections are gone and it does nothing more. */
class Crash extends Error {}

/** The world of one run: the ledger, a store, and what is known of ids by construction. */
class World {
  readonly store = new MemoryStore();
  /** Ids that an ingest had begun to write when it failed or crashed: see `finish`. */
  readonly abandoned = new Set<string>();
  private fresh = 0;

  async reset(): Promise<void> {
    await control.db.delete(vectors);
    await control.db.delete(vectorOrphans);
    await control.db
      .insert(documents)
      .values(docIds.map((id) => ({ id })))
      .onConflictDoNothing();
    // Where most faults begin: a page with computed ids that has just been deleted.
    const page = { docId: 1, page: 1, vectorIds: this.idsFor(1, 1, 'computed', 5) };
    this.store.write(page.vectorIds);
    const ledger = createVectorRepository(control.db);
    await ledger.upsertPage(page);
    await ledger.deleteByPage(page.docId, page.page);
  }

  idsFor(docId: number, page: number, kind: 'computed' | 'fresh', n: number): string[] {
    if (kind === 'computed') return patchVectorIds({ docId, page, count: n });
    this.fresh += 1;
    // Half of the fresh ids are consecutive, half are not.
    return Array.from({ length: n }, (_, index) =>
      this.fresh % 2 === 0 ? `run${this.fresh}-${index}` : `${index * 7919}-single${this.fresh}`,
    );
  }

  /** No indexed live id is missing from the store. */
  async check(): Promise<void> {
    const rows = await control.db.select().from(vectors);
    for (const { docId, page, vectorIds, indexedAt } of rows) {
      if (indexedAt === null) continue;
      totals.idsChecked += vectorIds.length;
      const missing = vectorIds.filter((id) => !this.store.ids.has(id));
      expect(missing, `page ${page} of document ${docId} is indexed`).toEqual([]);
    }
  }

  /** Everything is resumed: the store then holds exactly the live ids. */
  async finish(): Promise<void> {
    const { db } = control;
    const ledger = createVectorRepository(db);
    const pending = await ledger.findPending();
    for (const page of pending) this.store.write(page.vectorIds);
    await ledger.markIndexed(pending);
    expect(await purgeOrphans(db, this.store.deleteVectors)).toMatchObject({ remaining: 0 });
    await this.check();

    const live = new Set((await ledger.findPending()).flatMap(({ vectorIds }) => vectorIds));
    for await (const { vectorIds } of ledger.streamPages())
      for (const id of vectorIds) live.add(id);
    const strays = [...this.store.ids].filter((id) => !live.has(id));
    // Two cases no purge can know of: points written first whose page could not be recorded, and an
    // ingest that goes on writing after its page was taken away from it and purged, and then dies.
    // The audit is for those, and finds exactly them.
    expect(strays.filter((id) => !this.abandoned.has(id))).toEqual([]);
    const audit = await auditVectors(db, this.store, { queueUntracked: true });
    expect(audit).toMatchObject({ missing: { vectors: 0 }, untracked: { vectors: strays.length } });
    await purgeOrphans(db, this.store.deleteVectors);
    expect([...this.store.ids].toSorted()).toEqual([...live].toSorted());
    totals.abandoned += this.abandoned.size;
    totals.strays += strays.length;
  }
}

/** A process: its own connections, and a crash that ends them. */
class Actor {
  private readonly name: string;
  private readonly world: World;
  private readonly pass: () => Promise<void>;
  private database: OpenDatabase | undefined;

  constructor(name: string, world: World, pass: () => Promise<void>) {
    this.name = name;
    this.world = world;
    this.pass = pass;
  }

  async perform(operation: Operation): Promise<void> {
    totals.operations += 1;
    let gates = 0;
    const gate = async () => {
      await this.pass();
      if (gates === operation.crashAt) await this.crash();
      gates += 1;
    };
    try {
      await this.run(operation, await this.open(), gate);
    } catch (error) {
      if (!(error instanceof Crash) && !isExpected(error)) throw error;
    }
  }

  private async run(operation: Operation, db: Db, gate: () => Promise<void>): Promise<void> {
    const { store } = this.world;
    const ledger = createVectorRepository(db);
    const { docId, page } = operation;
    await gate();
    switch (operation.kind) {
      case 'ingest': {
        const vectorIds = this.world.idsFor(docId, page, operation.ids, operation.count);
        const pages = [{ docId, page, vectorIds }];
        if (operation.inTransaction) {
          await db.transaction(async (tx) => {
            await createVectorRepository(tx).upsertPages(pages, { pending: true });
            await gate();
          });
        } else {
          await ledger.upsertPages(pages, { pending: true });
        }
        return this.write(pages, db, gate);
      }
      case 'ingest points first': {
        const vectorIds = this.world.idsFor(docId, page, 'fresh', operation.count);
        store.write(vectorIds);
        // Nothing knows of the points before the page is recorded: the reason to record first.
        await this.orAbandon(vectorIds, () => ledger.upsertPage({ docId, page, vectorIds }));
        return;
      }
      case 'replace document': {
        const pages = computedPages.map((number) => ({
          docId,
          page: number,
          vectorIds: this.world.idsFor(docId, number, 'computed', operation.count),
        }));
        await ledger.replaceDocument(docId, pages, { pending: true });
        return this.write(pages, db, gate);
      }
      case 'delete page':
        if (operation.by === 'repository') await ledger.deleteByPage(docId, page);
        else await db.execute(sql`delete from vectors where doc_id = ${docId} and page = ${page}`);
        return;
      case 'delete document':
        await db.delete(documents).where(eq(documents.id, docId));
        await gate();
        await db.insert(documents).values({ id: docId }).onConflictDoNothing();
        return;
      case 'move page':
        await db.execute(
          sql`update vectors set page = ${operation.to} where doc_id = ${docId} and page = ${page}`,
        );
        return;
      case 'purge':
        await purgeOrphans(
          db,
          async (ids, context) => {
            const half = Math.ceil(ids.length / 2);
            await gate();
            await store.deleteVectors(ids.slice(0, half), context);
            await gate();
            await store.deleteVectors(ids.slice(half), context);
            await gate();
          },
          { batchRows: operation.batchRows },
        );
    }
  }

  /** Writes the vectors of recorded pages, in halves, and marks the pages. */
  private async write(pages: NewPageVectors[], db: Db, gate: () => Promise<void>): Promise<void> {
    const ids = pages.flatMap(({ vectorIds }) => vectorIds.map(String));
    await this.orAbandon(ids, async () => {
      for (const half of [ids.slice(0, ids.length / 2), ids.slice(ids.length / 2)]) {
        await gate();
        this.world.store.write(half);
      }
      await gate();
      await createVectorRepository(db).markIndexed(pages);
    });
  }

  private async orAbandon(ids: string[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const id of ids) this.world.abandoned.add(id);
      throw error;
    }
  }

  private async open(): Promise<Db> {
    if (this.database === undefined) {
      const url = new URL(serverUrl());
      url.searchParams.set('application_name', this.name);
      this.database = await openDatabase(url.href);
    }
    return this.database.db;
  }

  private async crash(): Promise<never> {
    totals.crashes += 1;
    await control.db.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${this.name}`);
    // Terminated is not yet gone: a crash is over when the server has undone what was under way.
    while (rowsOf(await control.db.execute(this.sessions())).length > 0);
    await this.close();
    throw new Crash();
  }

  private sessions() {
    return sql`select pid from pg_stat_activity where application_name = ${this.name}`;
  }

  async close(): Promise<void> {
    const { database } = this;
    this.database = undefined;
    // Not waited for: the queries of a crashed process have nobody to answer them.
    database?.close().catch(() => {});
  }
}

/** What a correct host meets under this load and tries again. */
function isExpected(error: unknown): boolean {
  const mapped = toLedgerError(error);
  if (mapped instanceof DatabaseError) {
    // Deadlock; unique violation, where a page is moved onto another.
    return ['40P01', '23505'].includes(mapped.sqlState);
  }
  return mapped instanceof DocumentNotFoundError || mapped instanceof DatabaseUnavailableError;
}

test(
  `whatever happens in whatever order, nothing is lost and nothing is left (${runs} runs)`,
  async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(operations, { minLength: 1, maxLength: 4 }), {
          minLength: 2,
          maxLength: actorCount,
        }),
        fc.array(fc.nat(100), { minLength: 8, maxLength: 60 }),
        async (scripts, choices) => {
          const world = new World();
          await world.reset();
          const interleaver = new Interleaver(choices);
          const actors = scripts.map(
            (_, index) =>
              new Actor(`actor ${index} of run ${totals.runs}`, world, interleaver.gate),
          );
          try {
            await interleaver.run(
              scripts.map((script, index) => async () => {
                for (const operation of script) await actors[index]?.perform(operation);
              }),
              async () => {
                totals.steps += 1;
                await world.check();
              },
            );
          } finally {
            // After a failure actors stand at their gates with locks in their hands.
            await control.db.execute(sql`
              select pg_terminate_backend(pid) from pg_stat_activity
              where application_name like 'actor %'`);
            await Promise.all(actors.map((actor) => actor.close()));
          }
          await world.finish();
          totals.runs += 1;
        },
      ),
      { numRuns: runs },
    );
  },
  runs * 1_000 + 60_000,
);
