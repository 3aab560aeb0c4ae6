/**
 * Embeds the pages of a service again, with another model, while the service searches: `npm run example:re-embed`.
 *
 * docs/re-embedding.md explains the files beside this one. It throws if a result is wrong.
 */
import { deepEqual, equal, rejects } from 'node:assert/strict';
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { generateDrizzleJson, generateMigration } from 'drizzle-kit/api';
import { eq } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/pglite';
import {
  auditVectors,
  installLedger,
  ledgerStatus,
  purgeOrphans,
  uninstallLedger,
} from '../../src/index.ts';
import * as schema from './pages-schema.ts';
import { createCollection } from './pgvector-collection.ts';
import { reEmbed } from './re-embed.ts';
import { retire } from './retire.ts';
import { deletePage, ingestPage, search } from './serve.ts';

const { colpali, colqwen, files, serving } = schema;
const client = await PGlite.create({ extensions: { vector } });
const db = drizzle({ client });
await client.exec('create extension vector');
// The service's own migration, as drizzle-kit generates it.
for (const statement of await generateMigration(
  generateDrizzleJson({}),
  generateDrizzleJson(schema),
))
  await client.exec(statement);
for (const ledger of [colpali, colqwen]) await installLedger(db, ledger);

/** What is on the pages. A question is the content that it looks for. */
const contents = new Map<string, number>();
const contentOf = (docId: string, page: number) => contents.get(`${docId} ${page}`) ?? 0;
const collections = {
  colpali: await createCollection(
    db,
    colpali,
    { seed: 1, vectorsPerPage: 12, dimensions: 32 },
    contentOf,
  ),
  colqwen: await createCollection(
    db,
    colqwen,
    { seed: 2, vectorsPerPage: 9, dimensions: 24 },
    contentOf,
  ),
};

/** Saves a page and ingests it. */
async function savePage(docId: string, page: number, content: number): Promise<void> {
  contents.set(`${docId} ${page}`, content);
  await ingestPage(db, collections, docId, page);
}

/** Searches as the service does, and checks that the best page is the one with this content. */
async function expectToFind(docId: string, page: number): Promise<void> {
  const [best] = await search(db, collections, `${contentOf(docId, page)}`);
  deepEqual([best?.docId, best?.page], [docId, page]);
}

say('The service ingests 40 pages with ColPali');
await db.insert(serving).values({ collection: 'colpali' });
const rows = await db
  .insert(files)
  .values([1, 2, 3, 4].map((number) => ({ name: `report ${number}` })))
  .returning();
const [first = '', second = '', third = '', deletedLater = ''] = rows
  .map(({ id }) => id)
  .toSorted();
for (const [index, docId] of [first, second, third, deletedLater].entries()) {
  for (let page = 1; page <= 10; page += 1) await savePage(docId, page, index * 10 + page);
}
await expectToFind(second, 3);
await tell();

say(
  'A run that embeds them with ColQwen crashes at the fifteenth page. The service goes on searching',
);
let beforePage = async (_: number) => {};
let embedded = 0;
const { embedPage } = collections.colqwen;
collections.colqwen.embedPage = async (docId, page) => {
  embedded += 1;
  await expectToFind(second, 3);
  await beforePage(embedded);
  return embedPage(docId, page);
};
beforePage = async (number) => {
  if (number === 15) throw new Error('out of memory');
};
await rejects(run(), { name: 'IngestError' });
deepEqual(await tell(), { colpali: [40, 0, 480], colqwen: [20, 10, 126] });

say('The service changes, adds and deletes pages, and deletes a document');
await savePage(first, 2, 102);
await savePage(second, 11, 111);
await deletePage(db, collections, first, 1);
await db.delete(files).where(eq(files.id, deletedLater));
await tell();

say('The next run goes on. While it runs, the service changes one page and deletes two');
embedded = 0;
beforePage = async (number) => {
  if (number !== 12) return;
  await savePage(first, 3, 103);
  await deletePage(db, collections, third, 8); // its copy is recorded, and not embedded yet
  await deletePage(db, collections, third, 9); // it has been read, and has no copy yet
};
equal(await run(), 20);
await tell();

say('The service stops ingesting. The last run embeds what has changed, and the service switches');
embedded = 0;
equal(await run(), 1);
equal(await run(), 0);
await db.update(serving).set({ collection: 'colqwen' });
await expectToFind(first, 2);
await expectToFind(first, 3);
await expectToFind(second, 11);
await savePage(third, 11, 311);
await expectToFind(third, 11);
const { deleted } = await purgeOrphans(db, collections.colqwen.deleteVectors, { ledger: colqwen });
equal(deleted, 3 * 9);
const { missing, untracked } = await auditVectors(db, collections.colqwen, { ledger: colqwen });
deepEqual([missing.vectors, untracked.vectors], [0, 0]);
await tell();

say('The first collection is emptied, purged and audited, and its ledger is removed');
await retire(db, collections.colpali);
await expectToFind(second, 3);
deepEqual(await tell(), { colpali: [0, 0, 0], colqwen: [29, 0, 29 * 9] });
deepEqual(await uninstallLedger(db, colpali), { pages: 0, orphans: 0 });
await expectToFind(second, 3);
await client.close();

function run(): Promise<number> {
  return reEmbed(db, collections.colpali, collections.colqwen);
}

/** Prints and returns, for each collection, its pages, its pending pages, and the vectors in the store. */
async function tell(): Promise<Record<string, number[]>> {
  const counts: Record<string, number[]> = {};
  for (const [name, { ledger, count }] of Object.entries(collections)) {
    const { pages, pending } = await ledgerStatus(db, { ledger });
    const vectors = await count();
    counts[name] = [pages, pending.pages, vectors];
    console.log(`  ${name}  ${pages} pages, ${pending.pages} of them pending, ${vectors} vectors`);
  }
  return counts;
}

function say(text: string): void {
  console.log(`\n${text}`);
}
