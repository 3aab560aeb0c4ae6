/**
 * Ingests two documents into a vector store, then searches, re-ingests, deletes and purges.
 *
 * pgvector.ts and stores/lancedb.ts run it on real stores. It throws if a result is wrong.
 */
import { eq } from 'drizzle-orm';
import {
  type AuditedStore,
  auditVectors,
  createVectorRepository,
  type DeleteVectors,
  documents,
  type OpenDatabase,
  parsePatchVectorId,
  purgeOrphans,
} from '../src/index.ts';
import { embedPatch, embedQuery } from './embedding.ts';

/** The vector of one patch, under its id. */
export interface Point {
  id: string;
  vector: number[];
}

/** What the example needs from a vector store. */
export interface ExampleStore extends AuditedStore {
  /** Inserts the points. Replaces those whose ids already exist. */
  write(points: Point[]): Promise<void>;
  /** Returns the ids of the `limit` points nearest to `vector` by cosine, nearest first. */
  search(vector: number[], limit: number): Promise<string[]>;
  deleteVectors: DeleteVectors;
}

const patches = 1030;
const pagesPerDocument = 3;

export async function runScenario(db: OpenDatabase['db'], store: ExampleStore): Promise<void> {
  const repository = createVectorRepository(db);
  await db.insert(documents).values([{ id: 1 }, { id: 2 }]);

  say('Ingest two documents: record the pages, write their vectors, mark the pages as indexed');
  for (const docId of [1, 2]) {
    for (let page = 1; page <= pagesPerDocument; page += 1) await ingest(docId, page, patches);
  }
  await compare();

  say('Search, and locate the hits');
  const wanted = { docId: 2, page: 3, patch: 41 };
  const hits = await store.search(embedQuery(wanted), 2);
  for (const [rank, location] of (await repository.locate(hits)).entries()) {
    if (location === undefined) throw new Error(`hit ${hits[rank]} is not in the ledger`);
    const { docId, page, patch } = location;
    tell(`hit ${rank + 1}`, `document ${docId}, page ${page}, patch ${patch}`);
  }
  expectEqual(parsePatchVectorId(hits[0] ?? ''), wanted);

  say('Ingest page 1 of document 1 again, with 700 patches instead of 1030');
  await ingest(1, 1, 700);
  await compare();

  say('Delete document 2, as the application would');
  await db.delete(documents).where(eq(documents.id, 2));
  await compare();

  say('Purge the vectors that no page uses any more');
  const purged = await purgeOrphans(db, store.deleteVectors);
  tell('deleted', `${purged.deleted} vectors`);
  tell('spared', `${purged.spared} vectors, in use again`);
  expectEqual(purged, {
    deleted: patches * pagesPerDocument + 330,
    spared: 700,
    repaired: 0,
    remaining: 0,
  });
  await compare();

  async function ingest(docId: number, page: number, count: number): Promise<void> {
    await repository.ingest([{ docId, page, patches: count }], async ([recorded]) => {
      const vectorIds = recorded?.vectorIds ?? [];
      await store.write(
        vectorIds.map((id, patch) => ({ id, vector: embedPatch({ docId, page, patch }) })),
      );
    });
  }

  /** Audits the store, which must be consistent with the ledger after every step. */
  async function compare(): Promise<void> {
    const { vectors, stored, missing, untracked } = await auditVectors(db, store);
    tell('in the ledger', `${vectors} vectors`);
    tell('in the store', `${stored} vectors, ${stored - vectors} of them to be purged`);
    tell('audit', `${missing.vectors} missing, ${untracked.vectors} untracked`);
    expectEqual([missing.vectors, untracked.vectors], [0, 0]);
  }
}

function say(text: string): void {
  console.log(`\n${text}`);
}

function tell(what: string, text: string): void {
  console.log(`  ${what.padEnd(14)} ${text}`);
}

function expectEqual(actual: unknown, expected: unknown): void {
  const [a, e] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== e) throw new Error(`expected ${e}, got ${a}`);
}
