import { sql } from 'drizzle-orm';
import { createVectorRepository, documents, migrate, openDatabase } from '../../src/index.ts';
import type { Contender } from '../contender.ts';

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
    keepsOrder: true,
    table: 'vectors',
    cannot: {},
    async open(url) {
      await migrate({ url });
      const { db, close } = await openDatabase(url);
      if (!triggers) await db.execute(sql`alter table vectors disable trigger user`);
      const ledger = createVectorRepository(db);
      return {
        async addDocuments(docIds) {
          await db.insert(documents).values(docIds.map((id) => ({ id })));
        },
        async writePages(pages) {
          await ledger.upsertPages(pages);
        },
        async findByPage(docId, page) {
          return (await ledger.findByPage(docId, page))?.vectorIds ?? [];
        },
        async findByDocument(docId) {
          return (await ledger.findByDocument(docId)).map(({ vectorIds }) => vectorIds);
        },
        async findByPages(keys) {
          return (await ledger.findByPages(keys)).map((page) => page?.vectorIds ?? []);
        },
        locate: (vectorIds) => ledger.locate(vectorIds),
        async deleteDocument(docId) {
          await ledger.deleteByDocument(docId);
        },
        close,
      };
    },
  };
}
