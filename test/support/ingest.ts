import { createVectorRepository, type Db } from '../../src/index.ts';
import { createDocument } from './database.ts';
import type { MemoryStore } from './memory-store.ts';

/** Creates a document and writes its pages, numbered from 1, to the ledger and the store. Returns its id. */
export async function ingestDocument(
  db: Db,
  store: MemoryStore,
  pages: readonly string[][],
): Promise<number> {
  const docId = await createDocument(db);
  await createVectorRepository(db).upsertPages(
    pages.map((vectorIds, index) => ({ docId, page: index + 1, vectorIds })),
  );
  for (const ids of pages) store.write(ids);
  return docId;
}
