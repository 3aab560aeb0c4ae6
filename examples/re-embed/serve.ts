import { createVectorRepository, type Db, type ResolvedPage } from '../../src/index.ts';
import type { Collection } from './collection.ts';
import { serving } from './pages-schema.ts';

export type Collections = Record<'colpali' | 'colqwen', Collection>;

async function servingCollection(db: Db, collections: Collections): Promise<Collection> {
  const [row] = await db.select().from(serving);
  if (row === undefined) throw new Error('the table serving is empty');
  return collections[row.collection];
}

/** The pages that answer a question, the best first. */
export async function search(
  db: Db,
  collections: Collections,
  question: string,
): Promise<ResolvedPage<string>[]> {
  const collection = await servingCollection(db, collections);
  const hits = await collection.search(await collection.embedQuery(question));
  const repository = createVectorRepository(db, { ledger: collection.ledger });
  return (await repository.resolveHits(hits)).pages;
}

/** Embeds a page that is new or has changed. Save its content before you call this. */
export async function ingestPage(
  db: Db,
  collections: Collections,
  docId: string,
  page: number,
): Promise<void> {
  const collection = await servingCollection(db, collections);
  const repository = createVectorRepository(db, { ledger: collection.ledger });
  const vectorIds = collection.idsOf(docId, page);
  await repository.ingest([{ docId, page, vectorIds }], async () =>
    collection.write(vectorIds, await collection.embedPage(docId, page)),
  );
}

/**
 * Deletes a page in both ledgers, first in the one that is the source of `reEmbed`. To delete a document you do not need
 * this: its pages in both ledgers are deleted with it.
 */
export async function deletePage(
  db: Db,
  { colpali, colqwen }: Collections,
  docId: string,
  page: number,
): Promise<void> {
  for (const { ledger } of [colpali, colqwen]) {
    await createVectorRepository(db, { ledger }).deleteByPage(docId, page);
  }
}
