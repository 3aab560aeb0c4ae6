/** What must compile and what must not. `npm run typecheck` checks this file; it never runs. */
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
  type ResolvedHits,
  type VectorLocation,
  type VectorPatch,
  type VectorRepository,
  vectorPatches,
  vectors,
} from '../../src/index.ts';
import { hitsFrom } from '../../src/page/index.ts';

declare const repository: VectorRepository;
declare const anyDriver: {
  postgresJs: PostgresJsDatabase;
  nodePostgres: NodePgDatabase<{ theirs: typeof vectors }>;
  pglite: PgliteDatabase;
  opened: OpenDatabase['db'];
};

export async function types(): Promise<void> {
  // The types of rows.
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

  // How many results each query returns.
  expectTypeOf(repository.findByPage(1, 1)).resolves.toEqualTypeOf<PageVectors | undefined>();
  expectTypeOf(repository.findByDocument(1)).resolves.toEqualTypeOf<PageVectors[]>();
  expectTypeOf(repository.locate(['a', 1, 1n])).resolves.toEqualTypeOf<
    (VectorLocation | undefined)[]
  >();
  expectTypeOf(repository.resolveHits(hitsFrom.qdrant([]))).resolves.toEqualTypeOf<ResolvedHits>();
  const box = { x0: 0, y0: 0, x1: 1, y1: 1 };
  expectTypeOf(repository.findVectorIdsInBox(1, 1, box)).resolves.toEqualTypeOf<
    string[] | undefined
  >();
  expectTypeOf(repository.streamPages()).toExtend<AsyncIterable<PageVectors>>();

  // Every driver, with any schema, and its transactions.
  for (const db of [anyDriver.postgresJs, anyDriver.nodePostgres, anyDriver.pglite] as const) {
    expectTypeOf(createVectorRepository(db)).toEqualTypeOf<VectorRepository>();
  }
  await anyDriver.postgresJs.transaction(async (tx) => createVectorRepository(tx).findByPage(1, 1));
  await anyDriver.nodePostgres.transaction(async (tx) => createVectorRepository(tx).countPages(1));

  // A page that was read can be recorded again; Drizzle selects single columns.
  for await (const page of repository.streamPages()) await repository.upsertPage(page);
  const rows = await anyDriver.opened
    .select({ ids: vectors.vectorIds, patch: vectorPatches.patch })
    .from(vectors)
    .innerJoin(vectorPatches, eq(vectorPatches.docId, vectors.docId));
  expectTypeOf(rows).toEqualTypeOf<{ ids: string[]; patch: number }[]>();
  const first = await anyDriver.opened.query.vectors.findFirst({ with: { document: true } });
  expectTypeOf(first?.document).toEqualTypeOf<{ id: number } | undefined>();

  // @ts-expect-error a page number must be a number
  repository.findByPage(1, '3');
  // @ts-expect-error a page key needs document and page
  repository.findByPages([{ docId: 1 }]);
  // @ts-expect-error ids must be strings or integers
  repository.upsertPage({ docId: 1, page: 1, vectorIds: [null] });
  // @ts-expect-error a hit needs a score
  repository.resolveHits([{ vectorId: 'a' }]);
  // A page has a list of ids or a number of patches.
  repository.upsertPage({ docId: 1, page: 1, patches: 1030 });
  repository.upsertPages([
    { docId: 1, page: 1, patches: 1030 },
    { docId: 1, page: 2, vectorIds: ['a', 1, 1n] },
  ]);
  repository.replaceDocument(1, [{ page: 1, patches: 1030 }]);
  // @ts-expect-error a page needs vectorIds or patches
  repository.upsertPage({ docId: 1, page: 1 });
  // @ts-expect-error a page has only one of vectorIds and patches
  repository.upsertPage({ docId: 1, page: 1, vectorIds: [], patches: 0 });
  // @ts-expect-error patches is a number
  repository.replaceDocument(1, [{ page: 1, patches: '1030' }]);
  // @ts-expect-error a grid needs all fields
  repository.upsertPage({ docId: 1, page: 1, vectorIds: [], grid: { cols: 1, rows: 1 } });
  // @ts-expect-error replaceDocument is atomic, so it does not accept a stream
  repository.replaceDocument(1, new Set<{ page: number; vectorIds: string[] }>());
  // @ts-expect-error a repository needs a Drizzle database, not a client
  createVectorRepository({ query: () => {} });
  // @ts-expect-error the column takes ids, not JSON
  anyDriver.pglite.insert(vectors).values({ docId: 1, page: 1, vectorIds: '["a"]' });
}
