/** What compiles and what must not; checked by `npm run typecheck`, never run. */
import { eq } from 'drizzle-orm';
import type { NodePgDatabase } from 'drizzle-orm/node-postgres';
import type { PgliteDatabase } from 'drizzle-orm/pglite';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { expectTypeOf } from 'vitest';
import {
  createVectorRepository,
  type OpenDatabase,
  type PageVectors,
  type PatchGrid,
  type VectorLocation,
  type VectorPatch,
  type VectorRepository,
  vectorPatches,
  vectors,
} from '../../src/index.ts';

declare const repository: VectorRepository;
declare const anyDriver: {
  postgresJs: PostgresJsDatabase;
  nodePostgres: NodePgDatabase<{ theirs: typeof vectors }>;
  pglite: PgliteDatabase;
  opened: OpenDatabase['db'];
};

export async function types(): Promise<void> {
  // A row says exactly what it holds.
  expectTypeOf<PageVectors>().toEqualTypeOf<{
    id: number;
    docId: number;
    page: number;
    vectorIds: string[];
    grid: PatchGrid | null;
    namespace: string | null;
    recordedAt: Date;
    indexedAt: Date | null;
    revision: number;
  }>();
  expectTypeOf<VectorPatch>().toEqualTypeOf<{
    docId: number;
    page: number;
    patch: number;
    vectorId: string;
  }>();

  // The verb says how many.
  expectTypeOf(repository.findByPage(1, 1)).resolves.toEqualTypeOf<PageVectors | undefined>();
  expectTypeOf(repository.findByDocument(1)).resolves.toEqualTypeOf<PageVectors[]>();
  expectTypeOf(repository.locate(['a', 1, 1n])).resolves.toEqualTypeOf<
    (VectorLocation | undefined)[]
  >();
  expectTypeOf(repository.streamPages()).toExtend<AsyncIterable<PageVectors>>();

  // Any driver, with any schema, and a transaction of each.
  for (const db of [anyDriver.postgresJs, anyDriver.nodePostgres, anyDriver.pglite] as const) {
    expectTypeOf(createVectorRepository(db)).toEqualTypeOf<VectorRepository>();
  }
  await anyDriver.postgresJs.transaction(async (tx) => createVectorRepository(tx).findByPage(1, 1));
  await anyDriver.nodePostgres.transaction(async (tx) => createVectorRepository(tx).countPages(1));

  // A recorded page can be recorded again, and read through Drizzle in any shape.
  for await (const page of repository.streamPages()) await repository.upsertPage(page);
  const rows = await anyDriver.opened
    .select({ ids: vectors.vectorIds, patch: vectorPatches.patch })
    .from(vectors)
    .innerJoin(vectorPatches, eq(vectorPatches.docId, vectors.docId));
  expectTypeOf(rows).toEqualTypeOf<{ ids: string[]; patch: number }[]>();
  const first = await anyDriver.opened.query.vectors.findFirst({ with: { document: true } });
  expectTypeOf(first?.document).toEqualTypeOf<{ id: number } | undefined>();

  // @ts-expect-error a page number is a number
  repository.findByPage(1, '3');
  // @ts-expect-error a page is named by both
  repository.findByPages([{ docId: 1 }]);
  // @ts-expect-error ids are text or integers
  repository.upsertPage({ docId: 1, page: 1, vectorIds: [null] });
  // @ts-expect-error a page needs its ids
  repository.upsertPage({ docId: 1, page: 1 });
  // @ts-expect-error a grid is whole or null
  repository.upsertPage({ docId: 1, page: 1, vectorIds: [], grid: { cols: 1, rows: 1 } });
  // @ts-expect-error a replacement is atomic, a stream cannot be
  repository.replaceDocument(1, new Set<{ page: number; vectorIds: string[] }>());
  // @ts-expect-error a repository needs a Drizzle database, not a client
  createVectorRepository({ query: () => {} });
  // @ts-expect-error the column takes the ids, not their JSON
  anyDriver.pglite.insert(vectors).values({ docId: 1, page: 1, vectorIds: '["a"]' });
}
