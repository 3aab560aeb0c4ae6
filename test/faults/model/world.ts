import { expect } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  documents,
  type OpenDatabase,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { docIds } from './operations.ts';

/** What the runs went through, for the report. */
export interface Totals {
  runs: number;
  steps: number;
  operations: number;
  crashes: number;
  idsChecked: number;
  abandoned: number;
  strays: number;
}

/** The world of one run: the ledger, a store, and what is known of ids by construction. */
export class World {
  readonly control: OpenDatabase['db'];
  readonly totals: Totals;
  readonly store = new MemoryStore();
  /** Ids that an ingest had begun to write when it failed or crashed: see `finish`. */
  readonly abandoned = new Set<string>();
  private fresh = 0;

  /** @param control - A connection of the test's own, which no actor's crash ends. */
  constructor(control: OpenDatabase['db'], totals: Totals) {
    this.control = control;
    this.totals = totals;
  }

  async reset(): Promise<void> {
    await this.control.delete(vectors);
    await this.control.delete(vectorOrphans);
    await this.control
      .insert(documents)
      .values(docIds.map((id) => ({ id })))
      .onConflictDoNothing();
    // Where most faults begin: a page with computed ids that has just been deleted.
    const page = { docId: 1, page: 1, vectorIds: this.idsFor(1, 1, 'computed', 5) };
    this.store.write(page.vectorIds);
    const ledger = createVectorRepository(this.control);
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
    const rows = await this.control.select().from(vectors);
    for (const { docId, page, vectorIds, indexedAt } of rows) {
      if (indexedAt === null) continue;
      this.totals.idsChecked += vectorIds.length;
      const missing = vectorIds.filter((id) => !this.store.ids.has(id));
      expect(missing, `page ${page} of document ${docId} is indexed`).toEqual([]);
    }
  }

  /** Everything is resumed: the store then holds exactly the live ids. */
  async finish(): Promise<void> {
    const { control: db } = this;
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
    this.totals.abandoned += this.abandoned.size;
    this.totals.strays += strays.length;
  }
}
