import { createVectorRepository, type Db } from '../../src/index.ts';
import { createDocument } from './database.ts';
import type { MemoryStore } from './memory-store.ts';

/** A new document with its pages in the ledger and in the store, numbered from 1. Returns its id. */
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
