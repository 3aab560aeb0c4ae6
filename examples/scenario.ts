/**
 * The life of two documents in a vector store, with the ledger beside it; pgvector.ts and
 * stores/lancedb.ts run it on real stores.
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
  patchVectorIds,
  purgeOrphans,
} from '../src/index.ts';

/** A patch's vector, as a store keeps it. */
export interface Point {
  id: string;
  vector: number[];
}

/** What the example needs of a vector store. */
export interface ExampleStore extends AuditedStore {
  /** Adds the points, or takes the place of those with the same ids. */
  write(points: Point[]): Promise<void>;
  /** The ids of the points nearest to `vector` by cosine, nearest first. */
  search(vector: number[], limit: number): Promise<string[]>;
  deleteVectors: DeleteVectors;
}

export const dimensions = 32;
const patches = 1030;
const pagesPerDocument = 3;

export async function runScenario(db: OpenDatabase['db'], store: ExampleStore): Promise<void> {
  const ledger = createVectorRepository(db);
  await db.insert(documents).values([{ id: 1 }, { id: 2 }]);

  say('Ingest two documents: record the pages, write their vectors, mark them');
  for (const docId of [1, 2]) {
    for (let page = 1; page <= pagesPerDocument; page += 1) await ingest(docId, page, patches);
  }
  await compare();

  say('Search, and trace the hits');
  const wanted = { docId: 2, page: 3, patch: 41 };
  const hits = await store.search(blurred(patchVector(wanted)), 2);
  for (const [rank, location] of (await ledger.locate(hits)).entries()) {
    if (location === undefined) throw new Error(`hit ${hits[rank]} is not in the ledger`);
    const { docId, page, patch } = location;
    tell(`hit ${rank + 1}`, `document ${docId}, page ${page}, patch ${patch}`);
  }
  expectEqual(parsePatchVectorId(hits[0] ?? ''), wanted);

  say('Ingest page 1 of document 1 again, with fewer patches');
  await ingest(1, 1, 700);
  await compare();

  say('Delete document 2, as the application would');
  await db.delete(documents).where(eq(documents.id, 2));
  await compare();

  say('Purge what no page has any more');
  const purged = await purgeOrphans(db, store.deleteVectors);
  tell('deleted', `${purged.deleted} vectors`);
  tell('spared', `${purged.spared}, live again`);
  expectEqual(purged, { deleted: patches * pagesPerDocument + 330, spared: 700, remaining: 0 });
  await compare();

  async function ingest(docId: number, page: number, count: number): Promise<void> {
    const vectorIds = patchVectorIds({ docId, page, count });
    await ledger.upsertPages([{ docId, page, vectorIds }], { pending: true });
    await store.write(
      vectorIds.map((id, patch) => ({ id, vector: patchVector({ docId, page, patch }) })),
    );
    await ledger.markIndexed([{ docId, page, vectorIds }]);
  }

  /** Ledger and store side by side; an audit finds nothing wrong at any moment. */
  async function compare(): Promise<void> {
    const { vectors, stored, missing, untracked } = await auditVectors(db, store);
    tell('in the ledger', `${vectors} vectors`);
    tell('in the store', `${stored}, of which ${stored - vectors} wait to be purged`);
    tell('audit', `${missing.vectors} missing, ${untracked.vectors} untracked`);
    expectEqual([missing.vectors, untracked.vectors], [0, 0]);
  }
}

/** A direction of the patch's own, the same in every run. */
function patchVector({ docId, page, patch }: { docId: number; page: number; patch: number }) {
  let state = (docId * 31 + page) * 10_007 + patch + 1;
  return Array.from({ length: dimensions }, () => {
    // A linear congruential generator (Numerical Recipes, section 7.1).
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Almost the same direction, as a query token's vector would be. */
function blurred(vector: number[]): number[] {
  return vector.map((value, index) => value + (index % 2 === 0 ? 0.05 : -0.05));
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
