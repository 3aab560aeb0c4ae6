/** Finds where a page answers a question, with one multi-vector for each page in LanceDB: `npm run example:lancedb`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { Field, FixedSizeList, Float32, List, Schema, Utf8 } from 'apache-arrow';
import {
  createVectorRepository,
  documents,
  migrate,
  openDatabase,
  patchVectorId,
} from '../../src/index.ts';
import { flattenVectors, hitsFrom, maxSim } from '../../src/page/index.ts';
import { findEvidence, ingestReport, type PageStore, question } from '../evidence.ts';
import { dimensions, embedQuestion } from '../page-embedding.ts';

const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
const url = join(folder, 'ledger');
await migrate({ url });
const { db, close } = await openDatabase(url);

const oneVector = new FixedSizeList(dimensions, new Field('item', new Float32(), true));
const lance = await connect(join(folder, 'lance'));
const table = await lance.createEmptyTable(
  'pages',
  new Schema([
    new Field('id', new Utf8(), false),
    new Field('vectors', new List(new Field('item', oneVector, true)), false),
  ]),
);

const store: PageStore = {
  write: ({ vectorIds: [id], vectors }) => table.add([{ id, vectors }]),

  async search(tokens) {
    const rows = await table.vectorSearch(tokens).distanceType('cosine').limit(10).toArray();
    // For a query of several vectors, the distance is 1 minus the sum of their best similarities.
    return hitsFrom.lancedb(rows, { distanceType: 'cosine' });
  },

  async read([id]) {
    const [row] = await table.query().where(`id = '${id}'`).toArray();
    return Array.from(row.vectors, (vector) => Array.from(vector as Iterable<number>));
  },
};

const repository = createVectorRepository(db);
const docId = 1;
await db.insert(documents).values({ id: docId });
await ingestReport(repository, store, docId, (page) => [patchVectorId({ docId, page, patch: 0 })]);
const { report: _, ...evidence } = await findEvidence(repository, store);
if (evidence.page !== 3) throw new Error(`page ${evidence.page} does not answer the question`);
console.log(JSON.stringify(evidence));

// LanceDB does not say which vectors won. `maxSim` does, and their offsets lead to boxes on the page.
const vectorId = patchVectorId({ docId, page: evidence.page, patch: 0 });
const vectors = flattenVectors(await store.read([vectorId]));
const winners = maxSim(flattenVectors(embedQuestion(question)), vectors, dimensions);
const hits = Array.from(winners.patches, (offset, queryToken) => {
  return { vectorId, score: winners.scores[queryToken] as number, offset, queryToken };
});
for (const { box } of (await repository.resolveHits(hits)).pages.flatMap((page) => page.hits)) {
  const { x0, y0, x1, y1 } = evidence.box;
  const isInside = box && box.x0 >= x0 && box.y0 >= y0 && box.x1 <= x1 && box.y1 <= y1;
  if (!isInside)
    throw new Error('a vector that won lies outside the part that answers the question');
}
await close();
rmSync(folder, { recursive: true, force: true });
