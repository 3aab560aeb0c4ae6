import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import { indexKeysOf } from '../../src/ids/lookup.ts';
import {
  createVectorRepository,
  distributeLedger,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
} from '../../src/index.ts';
import { selectStoredInDocument } from '../../src/ledger/read-pages.ts';
import { defaultTables } from '../../src/tables.ts';
import { createClusterDatabase, createDocument, useTestDatabase } from '../support/database.ts';
import { MemoryStore } from '../support/memory-store.ts';

const db = useTestDatabase();

test('a page with a patch id of another document is rejected, and nothing is recorded', async () => {
  const repository = createVectorRepository(db());
  const [docId, other] = [await createDocument(db()), await createDocument(db())];
  const [own] = patchVectorIds({ docId, page: 1, count: 1 }) as [string];
  const [foreign] = patchVectorIds({ docId: other, page: 1, count: 1 }) as [string];
  for (const id of [foreign, foreign.toUpperCase(), foreign.replaceAll('-', '')]) {
    await expect(
      repository.upsertPages([{ docId, page: 1, vectorIds: [own, 'a', id] }]),
    ).rejects.toMatchObject({ name: 'InvalidInputError', path: ['pages', 0, 'vectorIds', 2] });
  }
  expect(await repository.countPages(docId)).toBe(0);
});

test('a ledger with a patch id of another document is not distributed', async () => {
  const created = await createClusterDatabase('migrated');
  const database = await openDatabase(created.url);
  try {
    const [docId, other] = [await createDocument(database.db), await createDocument(database.db)];
    const vectorIds = patchVectorIds({ docId: other, page: 1, count: 1 });
    await createVectorRepository(database.db).upsertPage({ docId, page: 1, vectorIds });
    await expect(distributeLedger({ url: created.url, apply: true })).rejects.toThrow(
      `page 1 of document ${docId} has a patch id of document ${other}`,
    );
  } finally {
    await database.close();
    await created.drop();
  }
});

test('a purge spares patch ids that another page of the document has', async () => {
  const repository = createVectorRepository(db());
  const store = new MemoryStore();
  const docId = await createDocument(db());
  const ids = patchVectorIds({ docId, page: 1, count: 3 });
  store.write(ids);
  await repository.upsertPages([
    { docId, page: 1, patches: 3 },
    { docId, page: 2, vectorIds: ids.slice(1, 2) },
    { docId, page: 3, patches: 2 },
  ]);
  await repository.deleteByPage(docId, 1);
  await purgeOrphans(db(), store.deleteVectors);
  expect([...store.ids]).toEqual(ids.slice(1, 2));
});

test('a purge looks for the patch ids of a document on one node', async () => {
  const docId = await createDocument(db());
  const ids = patchVectorIds({ docId, page: 1, count: 100 });
  const query = selectStoredInDocument(db(), defaultTables, docId, {
    pages: [1],
    keys: indexKeysOf(ids).keys,
  });
  const plan = rowsOf<{ 'QUERY PLAN': string }>(await db().execute(sql`explain ${query}`));
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(/Task Count: 1\n/);
});
