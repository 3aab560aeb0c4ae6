import { asc, eq } from 'drizzle-orm';
import {
  auditVectors,
  createVectorRepository,
  DatabaseUnavailableError,
  type Db,
  patchVectorId,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { createDocument, makeDue } from './database.ts';
import { MemoryStore } from './memory-store.ts';

/**
 * Calls every function that sends statements, and returns the answers by name. They are the same on every driver,
 * except that times and the ids of documents are left out.
 *
 * @param before - Runs before each call, for example to make a statement fail on the connection.
 */
export async function sweep(
  db: Db,
  before: () => Promise<unknown> = async () => {},
  { queueUntracked = true, ...options }: { prepare?: boolean; queueUntracked?: boolean } = {},
): Promise<Record<string, unknown>> {
  const repository = createVectorRepository(db, options);
  const store = new MemoryStore();
  const docId = await createDocument(db);
  const other = await createDocument(db);
  const ids = (count: number, page = 1) => patchVectorIds({ docId, page, count });
  const answers: Record<string, unknown> = {};
  const ask = async (name: string, work: () => Promise<unknown>) => {
    await before();
    answers[name] = withoutTimes(await retryLostConnections(work), docId);
  };

  await ask('upsertPage', () =>
    repository.upsertPage({
      docId,
      page: 1,
      vectorIds: ids(30),
      grid: { cols: 5, rows: 6, start: 0 },
      namespace: 'tenant',
    }),
  );
  await ask('upsertPages of an array', () =>
    repository.upsertPages(
      [2, 3, 4].map((page) => ({ docId, page, vectorIds: [`random-${docId}-${page}`, 'b', 'c1'] })),
    ),
  );
  await ask('upsertPages of a stream', () =>
    repository.upsertPages(
      [5, 6].map((page) => ({ docId, page, vectorIds: ids(3, page) })).values(),
    ),
  );
  await ask('upsertPages of pending pages', () =>
    repository.upsertPages([{ docId, page: 7, vectorIds: ['x1', 'x2', 'x3', 'x4'] }], {
      pending: true,
    }),
  );
  await ask('upsertPages with a missing document', () =>
    repository
      .upsertPages([{ docId: other + 1000, page: 1, vectorIds: [] }])
      .catch((error: Error) => {
        if (error instanceof DatabaseUnavailableError) throw error;
        return error.name;
      }),
  );
  await ask('findPending', () => repository.findPending({ docId }));
  await ask('findPending of another document', () => repository.findPending({ docId: other }));
  await ask('markIndexed', async () =>
    repository.markIndexed(await repository.findPending({ docId })),
  );
  await ask('ingest', () =>
    repository.ingest([{ docId, page: 8, vectorIds: ['i'] }], async (pages) => {
      store.write(pages.flatMap(({ vectorIds }) => vectorIds));
    }),
  );
  await ask('findByPage', () => repository.findByPage(docId, 1));
  await ask('findByPage of a page that is not recorded', () => repository.findByPage(docId, 99));
  await ask('findByDocument', () => repository.findByDocument(docId));
  await ask('findByPageRange', () => repository.findByPageRange(docId, 2, 5));
  await ask('findByPages', () =>
    repository.findByPages([5, 99, 2].map((page) => ({ docId, page }))),
  );
  await ask('streamPages', async () => {
    const streamed: string[][] = [];
    for await (const { vectorIds } of repository.streamPages({ docId, batchSize: 3 })) {
      streamed.push(vectorIds);
    }
    return streamed;
  });
  await ask('countPages', () => repository.countPages(docId));
  await ask('locate', () =>
    repository.locate([
      patchVectorId({ docId, page: 1, patch: 7 }),
      `random-${docId}-3`,
      'x3',
      '?',
    ]),
  );
  answers['the column'] = withoutTimes(
    await db
      .select({ ids: vectors.vectorIds })
      .from(vectors)
      .where(eq(vectors.docId, docId))
      .orderBy(asc(vectors.page)),
    docId,
  );
  await ask('replaceDocument', () =>
    repository.replaceDocument(other, [{ page: 1, vectorIds: ['r'] }]),
  );
  await ask('replaceDocument with other pages', () =>
    repository.replaceDocument(other, [
      { page: 2, vectorIds: ['s'] },
      { page: 3, vectorIds: [] },
    ]),
  );
  await ask('deleteByPage', () => repository.deleteByPage(docId, 2));
  await ask('deleteByPage of a page that is not recorded', () => repository.deleteByPage(docId, 2));
  for await (const { vectorIds } of repository.streamPages()) store.write(vectorIds);
  store.write(['untracked']);
  await ask('auditVectors', () => auditVectors(db, store, { queueUntracked }));
  await ask('deleteByDocument', () => repository.deleteByDocument(docId));
  answers['the orphans'] = withoutTimes(
    await db
      .select({ ids: vectorOrphans.vectorIds, count: vectorOrphans.vectorCount })
      .from(vectorOrphans)
      // Not by id: the trigger queues the pages in the order in which they lie in the table.
      .orderBy(vectorOrphans.page, vectorOrphans.vectorIds),
    docId,
  );
  await makeDue(db);
  await ask('purgeOrphans', () => purgeOrphans(db, store.deleteVectors));
  answers['the ids left in the store'] = [...store.ids];
  await repository.deleteByDocument(other);
  await purgeOrphans(db, store.deleteVectors);
  return answers;
}

/** A pool notices that its connections are lost when it uses them; each attempt uses one. */
async function retryLostConnections<Result>(work: () => Promise<Result>): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof DatabaseUnavailableError) || attempt === 10) throw error;
    }
  }
}

/** Replaces times, row ids, revisions and the document's id, which differ from run to run. */
function withoutTimes(value: unknown, docId: number): unknown {
  const hex = docId.toString(16).padStart(8, '0');
  const text = JSON.stringify(value, (key, field) => {
    if (key === 'revision' && Number.isInteger(field)) return '<revision>';
    if (key === 'id' || key === 'docId') return `<${key}>`;
    if (key === 'recordedAt' || key === 'indexedAt') return field === null ? null : '<time>';
    return typeof field === 'string'
      ? field.replace(hex, '<document>').replace(`random-${docId}-`, 'random-<document>-')
      : field;
  });
  return text === undefined ? undefined : JSON.parse(text);
}
