/** The life of a document, as each of these services lives it. Copied into their folders. */
import { deepEqual, equal } from 'node:assert/strict';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  type DocumentId,
  documents,
  hashedPatchVectorIds,
  type Ledger,
  ledgerDrift,
  migrate,
  migrationStatus,
  patchVectorIds,
  purgeOrphans,
  rollback,
} from 'colpali-vectors';
import { eq, sql } from 'drizzle-orm';

/** Migrates the package's own tables, lives through the life of a document, and undoes the migrations. */
export async function liveInOwnTables(db: Db): Promise<string> {
  const { applied } = await migrate({ db });
  await db.execute(sql`insert into documents (id) values (1), (2)`);
  await liveThrough(db, [1, 2]);

  const { drift, pending } = await migrationStatus({ db });
  deepEqual({ drift, pending }, { drift: [], pending: [] });
  const { undone } = await rollback({ db, all: true });
  equal(undone.length, applied.length);
  return `applied and undone: ${applied.length}`;
}

/**
 * Ingests, locates, ingests again, deletes, purges and audits the first document. The second one stays as it was.
 *
 * @param ledger - The ledger of these documents. {@defaultValue the package's own tables}
 */
export async function liveThrough<DocId extends DocumentId>(
  db: Db,
  [docId, neighbour]: readonly [DocId, DocId],
  ledger?: Ledger<DocId>,
): Promise<void> {
  const repository = createVectorRepository<DocId>(db, { ledger });
  const store = new Set<string>();
  const ingest = (page: number, vectorIds: string[], of = docId) =>
    repository.ingest([{ docId: of, page, vectorIds }], async (recorded) => {
      for (const { vectorIds: ids } of recorded) for (const id of ids) store.add(id);
    });
  const purge = async () => {
    const { deleted, remaining } = await purgeOrphans(
      db,
      async (ids) => {
        for (const id of ids) store.delete(id);
      },
      { ledger },
    );
    equal(remaining, 0);
    return deleted;
  };
  const audit = async () => {
    const { vectors, missing, untracked } = await auditVectors(
      db,
      {
        listIds: async function* () {
          yield [...store];
        },
        existing: async (ids) => ids.filter((id) => store.has(id)),
      },
      { ledger },
    );
    deepEqual([missing.vectors, untracked.vectors], [0, 0]);
    return vectors;
  };

  const generated =
    typeof docId === 'number'
      ? patchVectorIds({ docId, page: 1, count: 1030 })
      : hashedPatchVectorIds({ document: `${docId}`, page: 1, count: 1030 });
  await ingest(1, generated);
  await ingest(2, ['a', 'b', 'c']);
  await ingest(1, ['n', 'o'], neighbour);
  deepEqual(await repository.locate(['c', generated[41] ?? '', 'o', 'unknown']), [
    { vectorId: 'c', docId, page: 2, patch: 2 },
    { vectorId: generated[41], docId, page: 1, patch: 41 },
    { vectorId: 'o', docId: neighbour, page: 1, patch: 1 },
    undefined,
  ]);
  equal(await audit(), 1035);

  await ingest(2, ['c', 'd']);
  equal(await repository.deleteByPage(docId, 1), true);
  equal(await purge(), 1032);
  deepEqual([...store], ['c', 'n', 'o', 'd']);
  equal(await audit(), 4);

  const { documents: table, documentId } = ledger ?? { documents, documentId: documents.id };
  await db.delete(table).where(eq(documentId, docId));
  equal(await purge(), 2);
  deepEqual([...store], ['n', 'o']);
  equal(await audit(), 2);
  deepEqual((await repository.findByPage(neighbour, 1))?.vectorIds, ['n', 'o']);
  deepEqual(await ledgerDrift(db, { ledger }), []);
}
