/** Finds where a page answers a question, with an id for each patch in pgvector: `npm run example:pgvector`. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { inArray, sql } from 'drizzle-orm';
import { pgTable, uuid, vector as vectorColumn } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/pglite';
import { createVectorRepository, documents, migrate, patchVectorIds } from '../src/index.ts';
import { hitsFrom } from '../src/page/index.ts';
import { findEvidence, ingestReport, type PageStore } from './evidence.ts';
import { dimensions } from './page-embedding.ts';

const client = await PGlite.create({ extensions: { vector } });
const db = drizzle({ client });
await migrate({ db });

const points = pgTable('points', {
  id: uuid('id').primaryKey(),
  vector: vectorColumn('vector', { dimensions }).notNull(),
});
await client.exec(`
  create extension vector;
  create table points (id uuid primary key, vector vector(${dimensions}) not null);`);

const store: PageStore = {
  write: ({ vectorIds, vectors }) =>
    db
      .insert(points)
      .values(vectorIds.map((id, patch) => ({ id, vector: vectors[patch] as number[] }))),

  async search(tokens) {
    const searches = tokens.map(async (token, queryToken) => {
      const distance = sql<number>`${points.vector} <=> ${JSON.stringify(token)}::vector`;
      const rows = await db
        .select({ id: points.id, distance: distance.as('distance') })
        .from(points)
        .orderBy(distance)
        .limit(100);
      return hitsFrom.pgvector(rows, { operator: '<=>', queryToken });
    });
    return (await Promise.all(searches)).flat();
  },

  async read(vectorIds) {
    const rows = await db
      .select()
      .from(points)
      .where(inArray(points.id, [...vectorIds]));
    const vectors = new Map(rows.map((row) => [row.id, row.vector]));
    return vectorIds.flatMap((id) => [vectors.get(id) ?? []]);
  },
};

const repository = createVectorRepository(db);
const docId = 1;
await db.insert(documents).values({ id: docId });
await ingestReport(repository, store, docId, (page, count) =>
  patchVectorIds({ docId, page, count }),
);
const { report: _, ...evidence } = await findEvidence(repository, store);
console.log(JSON.stringify(evidence));
await client.close();
