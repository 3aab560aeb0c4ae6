/** A collection in a table of pgvector, with a model that makes up its vectors. */
import { cosineDistance, gt, inArray, sql } from 'drizzle-orm';
import { pgTable, uuid, vector as vectorColumn } from 'drizzle-orm/pg-core';
import type { PgliteDatabase } from 'drizzle-orm/pglite';
import { hashedPatchVectorIds, type Ledger } from '../../src/index.ts';
import { hitsFrom } from '../../src/page/index.ts';
import { embedPatch, embedQuery } from '../embedding.ts';
import type { Collection } from './collection.ts';

export interface Model {
  /** Two models embed the same page in different ways. */
  seed: number;
  vectorsPerPage: number;
  dimensions: number;
}

/**
 * Creates the table of the vectors.
 *
 * @param contentOf - What is on a page now, in place of its image. A question is the content that it looks for.
 */
export async function createCollection(
  db: PgliteDatabase,
  ledger: Ledger<string>,
  { seed, vectorsPerPage, dimensions }: Model,
  contentOf: (docId: string, page: number) => number,
): Promise<Collection & { count(): Promise<number> }> {
  const points = pgTable(`points_of_${ledger.name}`, {
    id: uuid().primaryKey(),
    vector: vectorColumn({ dimensions }).notNull(),
  });
  await db.execute(
    sql`create table ${points} (id uuid primary key, vector vector(${sql.raw(`${dimensions}`)}))`,
  );
  const patches = Array.from({ length: vectorsPerPage }, (_, patch) => patch);
  const shorten = (vector: number[]) => vector.slice(0, dimensions);

  return {
    ledger,
    idsOf: (docId, page) => hashedPatchVectorIds({ document: docId, page, count: vectorsPerPage }),

    async embedPage(docId, page) {
      const content = contentOf(docId, page);
      return patches.map((patch) => shorten(embedPatch({ docId: content, page: seed, patch })));
    },

    async embedQuery(question) {
      return [shorten(embedQuery({ docId: Number(question), page: seed, patch: 1 }))];
    },

    write: (vectorIds, vectors) =>
      db
        .insert(points)
        .values(vectors.map((vector, patch) => ({ id: vectorIds[patch] as string, vector })))
        .onConflictDoUpdate({ target: points.id, set: { vector: sql`excluded.vector` } }),

    async search([query = []]) {
      const distance = sql<number>`${cosineDistance(points.vector, query)}`.as('distance');
      const rows = await db
        .select({ id: points.id, distance })
        .from(points)
        .orderBy(distance)
        .limit(3);
      return hitsFrom.pgvector(rows, { operator: '<=>' });
    },

    deleteVectors: (ids, { tx }) => tx.delete(points).where(inArray(points.id, ids)),

    async *listIds() {
      for (let last: string | undefined; ; ) {
        const rows = await db
          .select({ id: points.id })
          .from(points)
          .where(last === undefined ? undefined : gt(points.id, last))
          .orderBy(points.id)
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

    count: () => db.$count(points),
  };
}
