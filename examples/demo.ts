/**
 * What the package does, on one screen: `npm run demo`.
 *
 * Every result that it prints comes from the database or the store.
 */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { styleText } from 'node:util';
import { eq, sql } from 'drizzle-orm';
import { integer, pgTable, serial, text } from 'drizzle-orm/pg-core';
import yoctoSpinner from 'yocto-spinner';
import {
  auditVectors,
  createVectorRepository,
  migrate,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectorPatches,
} from '../src/index.ts';
import { embedPatch, embedQuery } from './embedding.ts';
import { findEvidence, ingestReport, question } from './evidence.ts';
import { MemoryPageStore, MemoryStore } from './memory-store.ts';

// The demo deletes a document, so it uses its own database and ignores DATABASE_URL.
const folder = '.demo';
const directory = `${folder}/database`;
process.chdir(fileURLToPath(new URL('..', import.meta.url)));
rmSync(folder, { recursive: true, force: true });
mkdirSync(folder);

console.log(`\
colpali-vectors keeps track, in PostgreSQL, of which vectors in your vector
store belong to which page of which document. This demo uses an embedded
PostgreSQL, a vector store in memory, and made-up vectors.`);

const { db, close } = await whileShowing(
  'Starting an embedded PostgreSQL (a few seconds) ...',
  () => openDatabase(directory),
);

// The application already has its own table of documents. The ledger only refers to the id.
const documents = pgTable('documents', {
  id: serial('id').primaryKey(),
  title: text('title').notNull(),
  pages: integer('pages').notNull(),
});
await db.execute(
  sql`create table documents (id serial primary key, title text not null, pages integer not null)`,
);
await db.insert(documents).values([
  { title: 'Annual report 2024', pages: 42 },
  { title: 'Maintenance manual', pages: 18 },
  { title: 'Office lease', pages: 6 },
]);

await whileShowing('Creating the tables of the ledger ...', () => migrate({ url: directory }));
const repository = createVectorRepository(db);
const store = new MemoryStore();
const vectorsPerPage = 1030; // as many as ColPali makes

heading('1. Ingest: ingest() records the pages and writes their vectors to the store');
for (const { id, title, pages } of await db.select().from(documents).orderBy(documents.id)) {
  const numbers = Array.from({ length: pages }, (_, index) => index + 1);
  await ingest(id, numbers, vectorsPerPage);
  const recorded = await repository.countPages(id);
  const vectors = await db.$count(vectorPatches, eq(vectorPatches.docId, id));
  row(title, `${format(recorded).padStart(2)} pages   ${format(vectors).padStart(6)} vectors`);
}
await compare();

heading('2. Search: the store returns the id of a vector, locate() finds its page');
const [hit = ''] = await store.search(embedQuery({ docId: 1, page: 17, patch: 555 }), 1);
const [location] = await repository.locate([hit]);
if (location === undefined) throw new Error(`the ledger does not know ${hit}`);
const [found] = await db.select().from(documents).where(eq(documents.id, location.docId));
row('id', hit);
row('belongs to', `${found?.title}, page ${location.page}, patch ${location.patch}`);

heading(`3. Ingest page ${location.page} again: its new scan has only 700 vectors`);
await ingest(location.docId, [location.page], 700);
await compare();

heading('4. Delete the maintenance manual: a trigger queues the ids of its vectors');
await db.delete(documents).where(eq(documents.title, 'Maintenance manual'));
await compare();

heading('5. Purge: purgeOrphans() deletes the queued vectors that no page uses');
const { deleted, spared } = await purgeOrphans(db, (ids) => store.deleteVectors(ids));
row('deleted', `${format(deleted)} vectors`);
row('spared', `${format(spared)} vectors, because page ${location.page} uses their ids again`);
await compare();

heading('6. Audit: auditVectors() compares the ledger with the store');
const { missing, untracked } = await auditVectors(db, store);
row('missing', `${format(missing.vectors)} vectors (in the ledger but not in the store)`);
row('untracked', `${format(untracked.vectors)} vectors (in the store but not in the ledger)`);

heading('7. Where on the page: resolveHits() finds the part that answers a question');
const [report] = await db
  .insert(documents)
  .values({ title: 'Sustainability report', pages: 4 })
  .returning();
if (report === undefined) throw new Error('the document was not created');
const pageStore = new MemoryPageStore();
await ingestReport(repository, pageStore, report.id, (page, count) =>
  patchVectorIds({ docId: report.id, page, count }),
);
const evidence = await findEvidence(repository, pageStore);
const { x, y, width, height } = evidence.crop;
writeFileSync(`${folder}/report.html`, evidence.report);
row('question', question);
row('best page', `${report.title}, page ${evidence.page}, score ${evidence.score.toFixed(2)}`);
row(
  'part',
  `x ${x}, y ${y}, ${width} x ${height} pixels, covered by ${evidence.vectorsInBox} vectors`,
);
row('report', `open ${folder}/report.html to see it on the page`);

await close();
console.log(`
The database is in ${directory}. To browse it in Drizzle Studio:
  DATABASE_URL=${directory} npx drizzle-kit studio`);

/** Ingests pages. If the process dies halfway, `findPending` returns the pages that were not finished. */
async function ingest(docId: number, pages: readonly number[], patches: number): Promise<void> {
  await repository.ingest(
    pages.map((page) => ({ docId, page, patches })),
    async (recorded) => {
      for (const { page, vectorIds } of recorded) {
        await store.write(
          vectorIds.map((id, patch) => ({ id, vector: embedPatch({ docId, page, patch }) })),
        );
      }
    },
  );
}

/** Prints how many vectors the ledger and the store have, and how many wait to be purged. */
async function compare(): Promise<void> {
  const recorded = await db.$count(vectorPatches);
  const orphans = await db.select().from(vectorOrphans);
  const queued = orphans.flatMap(({ vectorIds }) => vectorIds).length;
  const columns = [
    `ledger ${format(recorded).padStart(6)}`,
    `store ${format(store.size).padStart(6)}`,
    `queued for purge ${format(queued).padStart(6)}`,
  ];
  row('vectors', columns.join('   '));
}

/** Runs `work` and shows `text` on stderr until it is done. */
async function whileShowing<Result>(text: string, work: () => Promise<Result>): Promise<Result> {
  if (!process.stderr.isTTY) {
    console.error(text);
    return work();
  }
  const spinner = yoctoSpinner({ text }).start();
  return work().finally(() => spinner.stop());
}

function heading(title: string): void {
  console.log(`\n${process.stdout.isTTY ? styleText('bold', title) : title}`);
}

function row(label: string, value: string): void {
  console.log(`   ${label.padEnd(20)}${value}`);
}

function format(number: number): string {
  return number.toLocaleString('en-US');
}
