/** Keeps the ledger and the vectors in one embedded database, with pgvector: `npm run example:pgvector`. */
import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { asc, gt, inArray, sql } from 'drizzle-orm';
import { pgTable, uuid, vector as vectorColumn } from 'drizzle-orm/pg-core';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from '../src/index.ts';
import * as schema from '../src/schema.ts';
import { dimensions } from './embedding.ts';
import { type ExampleStore, runScenario } from './scenario.ts';

const client = await PGlite.create({ extensions: { vector } });
const db = drizzle({ client, schema });
await migrate({ db });

/** The application's own table: one row per vector, under the id that the ledger records. */
const points = pgTable('points', {
  id: uuid('id').primaryKey(),
  vector: vectorColumn('vector', { dimensions }).notNull(),
});
await client.exec(`
  create extension vector;
  create table points (id uuid primary key, vector vector(${dimensions}) not null);`);

const store: ExampleStore = {
  async write(rows) {
    await db
      .insert(points)
      .values(rows)
      .onConflictDoUpdate({ target: points.id, set: { vector: sql`excluded.vector` } });
  },

  async search(query, limit) {
    const nearest = sql`${points.vector} <=> ${JSON.stringify(query)}::vector`;
    const rows = await db.select({ id: points.id }).from(points).orderBy(nearest).limit(limit);
    return rows.map(({ id }) => id);
  },

  // Runs in the purge's transaction, so vectors and queued ids are deleted together or not at all.
  deleteVectors: (ids, { tx }) => tx.delete(points).where(inArray(points.id, ids)),

  async *listIds() {
    for (let last: string | undefined; ; ) {
      const rows = await db
        .select({ id: points.id })
        .from(points)
        .where(last === undefined ? undefined : gt(points.id, last))
        .orderBy(asc(points.id))
        .limit(1_000);
      yield rows.map(({ id }) => id);
      last = rows.at(-1)?.id;
      if (last === undefined) return;
    }
  },

  async existing(ids) {
    const rows = await db.select({ id: points.id }).from(points).where(inArray(points.id, ids));
    return rows.map(({ id }) => id);
  },
};

await runScenario(db, store);
await client.close();
