import { eq, sql } from 'drizzle-orm';
import {
  createVectorRepository,
  type Db,
  documents,
  migrate,
  openDatabase,
  vectors,
} from '../../src/index.ts';
import type { Contender } from '../contender.ts';
import { asNewPage } from '../harness/pages.ts';

/** The package as users install it. */
export const ours = createOurs('colpali-vectors');

/** Shows the cost of the triggers that queue orphans. Never use it like this: orphans would be lost. */
export const oursWithoutTriggers = createOurs('colpali-vectors without triggers', {
  triggers: false,
});

function createOurs(name: string, { triggers = true } = {}): Contender {
  return {
    name,
    packages: ['drizzle-orm', 'postgres'],
    layout: 'runs',
    designedFor: 'patch',
    takesPatches: true,
    keepsOrder: true,
    table: 'vectors',
    cannot: {},
    async open(url) {
      await migrate({ url });
      const { db, close } = await openDatabase(url);
      const repository = createVectorRepository(db);
      return {
        async addDocuments(docIds) {
          await db.insert(documents).values(docIds.map((id) => ({ id })));
        },
        async writePages(pages) {
          await repository.upsertPages(pages.map(asNewPage));
        },
        async findByPage(docId, page) {
          return (await repository.findByPage(docId, page))?.vectorIds ?? [];
        },
        async findByDocument(docId) {
          return (await repository.findByDocument(docId)).map(({ vectorIds }) => vectorIds);
        },
        async findByPages(keys) {
          return (await repository.findByPages(keys)).map((page) => page?.vectorIds ?? []);
        },
        locate: (vectorIds) => repository.locate(vectorIds),
        async deleteDocument(docId) {
          if (triggers) await repository.deleteByDocument(docId);
          else await deleteWithoutTriggers(db, docId);
        },
        close,
      };
    },
  };
}

async function deleteWithoutTriggers(db: Db, docId: number): Promise<void> {
  await db.transaction(async (tx) => {
    await tx.execute(sql`set local session_replication_role = replica`);
    await tx.delete(vectors).where(eq(vectors.docId, docId));
  });
}
