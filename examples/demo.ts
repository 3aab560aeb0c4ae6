/**
 * The ledger at work, on an embedded database of its own: `npm run demo`.
 *
 * The pages come from examples/data/pages.ndjson, which the original Alembic and SQLAlchemy pipeline
 * wrote: 63 pages of 12 documents, with the random ids of their vectors in a Qdrant collection.
 */
import { createReadStream, rmSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { and, asc, eq, inArray, sql } from 'drizzle-orm';
import {
  createVectorRepository,
  documents,
  migrate,
  type NewPageVectors,
  openDatabase,
  type PageVectors,
  patchVectorIds,
  vectorOrphans,
  vectors,
} from '../src/index.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const dataFile = 'examples/data/pages.ndjson';
const directory = '.demo';
process.chdir(root);

// A database of the demo's own, never the one that DATABASE_URL names: a document is deleted below.
rmSync(directory, { recursive: true, force: true });

heading('Migrate an embedded PostgreSQL: migrate({ url })');
const { applied } = await migrate({ url: directory });
print(applied.map((tag) => [tag]));

const { db, close } = await openDatabase(directory);
const ledger = createVectorRepository(db);

heading(`Record the pages of ${dataFile}: upsertPages(pages)`);
// The documents are the host application's; the ledger only refers to them.
await db.insert(documents).values(Array.from({ length: 13 }, (_, index) => ({ id: index + 1 })));
const recorded = await ledger.upsertPages(readPages(dataFile));
print([[`${recorded} pages recorded`]]);

heading('All pages of a document: findByDocument(1)');
printPages(await ledger.findByDocument(1));

heading('One page: findByPage(1, 3)');
const page = await ledger.findByPage(1, 3);
if (page === undefined) throw new Error('page 3 of document 1 was not recorded');
print(page.vectorIds.slice(0, 3).map((id, patch) => [`patch ${patch}`, id]));
print([[`... ${page.vectorIds.length} ids in patch order`]]);

heading('A range of pages: findByPageRange(1, 4, 6)');
printPages(await ledger.findByPageRange(1, 4, 6));

heading('From a search hit back to its page and patch: locate([id])');
// Qdrant returns with dashes what Python's uuid4().hex wrote without; both are found.
const hit = page.vectorIds.at(-1)?.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const [location] = await ledger.locate([hit ?? '']);
if (location === undefined) throw new Error('the hit was not found');
print([
  ['hit', location.vectorId],
  ['lies on', `document ${location.docId}, page ${location.page}, patch ${location.patch}`],
]);

heading('What a page of 1030 ids takes: random UUIDs, and computed ones (patchVectorIds)');
await ledger.upsertPage({
  docId: 13,
  page: 1,
  vectorIds: patchVectorIds({ docId: 13, page: 1, count: 1030 }),
});
const sizes = await db
  .select({ docId: vectors.docId, bytes: sql<number>`pg_column_size(${vectors.vectorIds})` })
  .from(vectors)
  .where(and(inArray(vectors.docId, [1, 13]), eq(vectors.page, 1)))
  .orderBy(asc(vectors.docId));
print(sizes.map(({ docId, bytes }) => [`document ${docId}, page 1`, `${bytes} bytes`]));

heading('A document is deleted, and its ids wait for the vector store: vector_orphans');
await db.delete(documents).where(eq(documents.id, 5));
const orphans = await db.select().from(vectorOrphans).orderBy(asc(vectorOrphans.page));
print([
  ['pages left', `${await ledger.countPages(5)}`],
  ['ids waiting', `${orphans.flatMap(({ vectorIds }) => vectorIds).length}`],
  ['first of them', orphans[0]?.vectorIds[0] ?? ''],
]);

await close();

heading('The data stays');
print([
  ['lies in', `${root}${directory}`],
  ['look at it', `DATABASE_URL=${directory} npx drizzle-kit studio`],
  ['start anew', 'npm run demo'],
]);

async function* readPages(file: string): AsyncGenerator<NewPageVectors> {
  for await (const line of createInterface({ input: createReadStream(file) })) {
    yield JSON.parse(line);
  }
}

function printPages(pages: PageVectors[]): void {
  print(
    pages.map(({ page: number, vectorIds }) => [
      `page ${number}`,
      `${vectorIds.length} vectors`.padStart(12),
      `${vectorIds[0]} ...`,
    ]),
  );
}

function heading(text: string): void {
  console.log(`\n${text}`);
}

/** Rows in columns, the first one wide enough for its longest text. */
function print(rows: string[][]): void {
  const width = Math.max(...rows.map(([first = '']) => first.length));
  for (const [first = '', ...rest] of rows) {
    console.log(`  ${[first.padEnd(width), ...rest].join('  ').trimEnd()}`);
  }
}
