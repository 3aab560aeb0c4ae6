import { sql } from 'drizzle-orm';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import { createVectorRepository, MigrationError, migrate, openDatabase } from '../../src/index.ts';
import { createDatabase, createDocument } from '../support/database.ts';
import { tags } from '../support/migrations.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

/** The URL of an empty database. */
let url: string;
let drop: () => Promise<void>;

beforeEach(async () => {
  ({ url, drop } = await createDatabase());
});
afterEach(() => drop());

test('a recorded page is still there after the database is closed and opened again', async () => {
  expect(await migrate({ url })).toMatchObject({ applied: tags });
  const first = await openDatabase(url);
  const docId = await createDocument(first.db);
  await createVectorRepository(first.db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
  await first.close();

  const second = await openDatabase(url);
  const pages = await second.db.query.vectors.findMany({ with: { document: true } });
  await second.close();
  expect(pages).toMatchObject([{ docId, page: 1, vectorIds: ['a'], document: { id: docId } }]);
});

test('an open database can be migrated and opened a second time', async () => {
  const first = await openDatabase(url);
  const repository = createVectorRepository(first.db);
  await expect(repository.findByPage(1, 1)).rejects.toThrow(MigrationError);
  await expect(repository.locate(['a'])).rejects.toThrow(MigrationError);
  await migrate({ url });
  const second = await openDatabase(url);
  const docId = await createDocument(first.db);
  await createVectorRepository(second.db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
  await first.close();
  await first.close();
  expect(await createVectorRepository(second.db).countPages(docId)).toBe(1);
  await second.close();
});

test('of many concurrent migrators one migrates, and the next migrator has nothing to do', async () => {
  const results = await Promise.all(Array.from({ length: 20 }, () => migrate({ url })));
  expect(results.flatMap(({ applied }) => applied)).toEqual(tags);
  expect(await migrate({ url })).toEqual({ applied: [], warnings: [] });
});

test('all migrations can be applied a second time', async () => {
  await migrate({ url });
  const { db, close } = await openDatabase(url);
  const docId = await createDocument(db);
  const page = { docId, page: 1, vectorIds: Array.from({ length: 10 }, (_, i) => `x${i}`) };
  await createVectorRepository(db).upsertPage(page);
  await db.execute(sql`drop table drizzle.__colpali_vectors_migrations`);

  expect(await migrate({ url })).toMatchObject({ applied: tags });
  await expect(await dumpSchema(db)).toMatchFileSnapshot(schemaFile);
  expect(await createVectorRepository(db).findByDocument(docId)).toMatchObject([page]);
  expect(rowsOf(await db.execute(sql`select from vector_orphans`))).toEqual([]);
  await close();
});
