/** The life of a document, as each of these services lives it. Copied into their folders. */
import { deepEqual, equal } from 'node:assert/strict';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  migrate,
  migrationStatus,
  patchVectorIds,
  purgeOrphans,
  rollback,
} from 'colpali-vectors';
import { sql } from 'drizzle-orm';

/** Migrates, ingests, locates, ingests again, deletes, purges, audits and undoes the migrations. */
export async function liveThrough(db: Db): Promise<string> {
  const { applied } = await migrate({ db });
  await db.execute(sql`insert into documents (id) values (1)`);
  const repository = createVectorRepository(db);
  const store = new Set<string>();
  const ingest = (page: number, vectorIds: string[]) =>
    repository.ingest([{ docId: 1, page, vectorIds }], async (recorded) => {
      for (const { vectorIds: ids } of recorded) for (const id of ids) store.add(id);
    });
  const purge = () =>
    purgeOrphans(db, async (ids) => {
      for (const id of ids) store.delete(id);
    });

  await ingest(1, patchVectorIds({ docId: 1, page: 1, count: 1030 }));
  await ingest(2, ['a', 'b', 'c']);
  deepEqual(await repository.locate(['c']), [{ vectorId: 'c', docId: 1, page: 2, patch: 2 }]);

  await ingest(2, ['c', 'd']);
  await repository.deleteByPage(1, 1);
  const { deleted, remaining } = await purge();
  deepEqual(
    { deleted, remaining, store: [...store] },
    {
      deleted: 1032,
      remaining: 0,
      store: ['c', 'd'],
    },
  );

  const { vectors, missing, untracked } = await auditVectors(db, {
    listIds: async function* () {
      yield [...store];
    },
    existing: async (ids) => ids.filter((id) => store.has(id)),
  });
  deepEqual([vectors, missing.vectors, untracked.vectors], [2, 0, 0]);

  const { drift, pending } = await migrationStatus({ db });
  deepEqual({ drift, pending }, { drift: [], pending: [] });
  const { undone } = await rollback({ db, all: true });
  equal(undone.length, applied.length);
  return `applied and undone: ${applied.length}`;
}
