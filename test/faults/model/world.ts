import { sql } from 'drizzle-orm';
import { expect } from 'vitest';
import { canonicalId } from '../../../src/ids/spellings.ts';
import {
  auditVectors,
  createVectorRepository,
  type DocumentId,
  documents,
  hashedPatchVectorIds,
  type OpenDatabase,
  PurgeError,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { docIds, type IdKind } from './operations.ts';
import { PointSet } from './point-set.ts';

/** What all runs together did, for the report. */
export interface Totals {
  runs: number;
  steps: number;
  operations: number;
  crashes: number;
  idsChecked: number;
  abandoned: number;
  strays: number;
  repaired: number;
}

/** The error of a store that rejects a call. */
export class StoreError extends Error {}

/** One run: the ledger, a store, and what is known about ids by construction. */
export class World {
  readonly control: OpenDatabase['db'];
  readonly totals: Totals;
  readonly store = new PointSet();
  /** Documents whose ids the store always refuses to delete. */
  readonly rejected: ReadonlySet<number | null>;
  /** Ids that an ingest had begun to write when it failed or crashed. An audit has to find them. */
  readonly abandoned = new Set<string>();
  /**
   * Ids that no lock protects: they belong to several documents, are strays, or their delete timed out or lost its
   * connection. A page may lose them until the purge repairs it, or until an audit if the purge has died.
   */
  readonly unprotected = new Set<string>();
  private readonly isDistributed: boolean;
  private fresh = 0;

  /** @param control - The test's own connection, which no crash ends. */
  constructor(
    control: OpenDatabase['db'],
    totals: Totals,
    rejected: readonly number[],
    { isDistributed }: { isDistributed: boolean },
  ) {
    this.isDistributed = isDistributed;
    this.control = control;
    this.totals = totals;
    this.rejected = new Set(rejected);
  }

  async reset(): Promise<void> {
    await this.control.delete(vectors);
    await this.control.delete(vectorOrphans);
    await this.control
      .insert(documents)
      .values(docIds.map((id) => ({ id })))
      .onConflictDoNothing();
    // Most faults begin with a page of patch ids that has just been deleted.
    const page = { docId: 1, page: 1, vectorIds: this.idsFor(1, 1, 'patch', 5) };
    this.store.write(page.vectorIds);
    const repository = createVectorRepository(this.control);
    await repository.upsertPage(page);
    await repository.deleteByPage(page.docId, page.page);
  }

  idsFor(docId: number, page: number, kind: IdKind, count: number): string[] {
    if (kind === 'patch') return patchVectorIds({ docId, page, count });
    if (kind === 'content') {
      const ids = hashedPatchVectorIds({ document: 'the same file', page, count });
      this.addUnprotected(ids);
      return ids;
    }
    if (kind === 'respelled') {
      const respell = (id: string) => (page === 1 ? id.replaceAll('-', '') : id.toUpperCase());
      return patchVectorIds({ docId, page, count }).map(respell);
    }
    this.fresh += 1;
    // Half of the fresh ids are consecutive, half are not.
    return Array.from({ length: count }, (_, index) =>
      this.fresh % 2 === 0 ? `run${this.fresh}-${index}` : `${index * 7919}-single${this.fresh}`,
    );
  }

  addUnprotected(ids: Iterable<string>): void {
    for (const id of ids) this.unprotected.add(canonicalId(id));
  }

  abandon(id: string): void {
    this.abandoned.add(canonicalId(id));
  }

  /** No id of an indexed page is missing from the store, unless nothing protects it. */
  async check(): Promise<void> {
    const rows = await this.control.select().from(vectors);
    for (const { docId, page, vectorIds, indexedAt } of rows) {
      if (indexedAt === null) continue;
      this.totals.idsChecked += vectorIds.length;
      const missing = vectorIds.filter(
        (id) => !this.store.has(id) && !this.unprotected.has(canonicalId(id)),
      );
      expect(missing, `page ${page} of document ${docId} is indexed`).toEqual([]);
    }
  }

  /** Everything that was interrupted is resumed. Then the store has exactly the live ids. */
  async finish(): Promise<void> {
    const { control: db } = this;
    const repository = createVectorRepository(db);
    await this.resumePending();

    // What can be purged is purged within two runs, whatever the store does with the other documents.
    for (let run = 1; run <= 2; run += 1) await this.purge(this.rejected);
    const left = await db.select({ docId: vectorOrphans.docId }).from(vectorOrphans);
    const pendingPages = (await repository.findPending()).length;
    if (pendingPages === 0) {
      expect(left.filter(({ docId }) => !this.rejected.has(docId))).toEqual([]);
    }
    await this.resumePending();
    await this.purge(new Set());
    await this.resumePending();
    await this.purge(new Set());
    expect(await db.$count(vectorOrphans)).toBe(0);
    await this.check();

    // A process that died between a delete and its repair leaves pages that only an audit can find.
    const first = await auditVectors(db, this.store, { markMissingPending: true });
    const lost = first.missing.sample.map(({ vectorId }) => canonicalId(vectorId));
    expect(lost.filter((id) => !this.unprotected.has(id))).toEqual([]);
    await this.resumePending();

    const live = new Set<string>();
    for await (const { vectorIds } of repository.streamPages()) {
      for (const id of vectorIds) live.add(canonicalId(id));
    }
    const strays = this.store.all().filter((id) => !live.has(id));
    // Two kinds of vectors that no purge can know: those written first whose page could not be recorded, and
    // those of an ingest that went on writing after its page was deleted and purged, and then died. The audit
    // finds exactly these.
    expect(strays.filter((id) => !this.abandoned.has(id))).toEqual([]);
    const audit = await auditVectors(db, this.store, {
      // A distributed ledger cannot queue all of them.
      queueUntracked: !this.isDistributed,
      maxUntrackedShare: 1,
    });
    expect(audit).toMatchObject({ missing: { vectors: 0 }, untracked: { vectors: strays.length } });
    if (this.isDistributed) this.store.delete(strays);
    await this.purge(new Set());
    expect(this.store.all()).toEqual([...live].toSorted());
    this.totals.abandoned += this.abandoned.size;
    this.totals.strays += strays.length;
  }

  /** Writes the vectors of all pending pages and marks the pages, as a service does when it starts. */
  private async resumePending(): Promise<void> {
    const repository = createVectorRepository(this.control);
    const pending = await repository.findPending();
    for (const { vectorIds } of pending) this.store.write(vectorIds);
    await repository.markIndexed(pending);
  }

  /** Lets the waiting times of all rows pass, and purges. */
  private async purge(rejected: ReadonlySet<DocumentId | null>): Promise<void> {
    await this.control.update(vectorOrphans).set({ dueAt: sql`now()` });
    try {
      const { repaired } = await purgeOrphans(this.control, async (ids, { docId }) => {
        if (rejected.has(docId)) throw new StoreError('rejected');
        this.store.delete(ids);
      });
      this.totals.repaired += repaired;
    } catch (error) {
      if (!(error instanceof PurgeError)) throw error;
      expect(error.documents.filter((docId) => !rejected.has(docId))).toEqual([]);
    }
  }
}
