import { count } from 'drizzle-orm';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  DocumentNotFoundError,
  InvalidInputError,
  type VectorRepository,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';
import { invalidVectorIds } from '../../support/invalid-vector-ids.ts';

/** Writes that fail after a transaction has begun. test/unit/arguments.test.ts has those that send nothing. */
const db = useTestDatabase();
let repository: VectorRepository;
let docId: number;
const unknown = 2_000_000_000;

beforeAll(async () => {
  repository = createVectorRepository(db());
  docId = await createDocument(db());
  await repository.upsertPage({ docId, page: 1, vectorIds: ['kept'] });
});

afterEach(async () => {
  // A rejected write changes nothing.
  expect((await repository.findByPage(docId, 1))?.vectorIds).toEqual(['kept']);
  expect(await db().select({ rows: count() }).from(vectors)).toEqual([{ rows: 1 }]);
  expect(await db().select({ rows: count() }).from(vectorOrphans)).toEqual([{ rows: 0 }]);
});

test.each(invalidVectorIds)('%s as a vector id rejects the whole write', async (_, id) => {
  const pages = [
    { docId, page: 1, vectorIds: ['changed'] },
    { docId, page: 3, vectorIds: ['ok', 'ok too', id] as string[] },
  ];
  const expected = { code: 'INVALID_INPUT', path: ['pages', 1, 'vectorIds', 2] };
  await expect(repository.upsertPages(pages)).rejects.toMatchObject(expected);
  await expect(repository.upsertPages(pages.values())).rejects.toMatchObject(expected);
  await expect(repository.replaceDocument(docId, pages)).rejects.toMatchObject(expected);
});

test('a page that occurs twice rejects the whole write', async () => {
  const pages = [
    { docId, page: 1, vectorIds: ['changed'] },
    { docId, page: 2, vectorIds: ['b'] },
    { docId, page: 1, vectorIds: ['changed'] },
  ];
  for (const write of [
    () => repository.upsertPages(pages),
    () => repository.upsertPages(pages.values()),
    () => repository.replaceDocument(docId, pages),
  ]) {
    const error: unknown = await write().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(InvalidInputError);
    expect(error).toMatchObject({ path: ['pages', 2] });
  }
});

test('replaceDocument rejects a page of another document', async () => {
  const pages = [
    { page: 1, vectorIds: ['changed'] },
    { docId: docId + 1, page: 2, vectorIds: ['theirs'] },
  ];
  await expect(repository.replaceDocument(docId, pages)).rejects.toMatchObject({
    code: 'INVALID_INPUT',
    path: ['pages', 1, 'docId'],
  });
});

describe('a document that does not exist', () => {
  test('is reported at its first position in the caller’s order', async () => {
    const pages = [unknown + 1, docId, unknown].map((id) => ({
      docId: id,
      page: 1,
      vectorIds: [],
    }));
    await expect(repository.upsertPages(pages)).rejects.toMatchObject({
      docId: unknown + 1,
      path: ['pages', 0, 'docId'],
    });
  });

  test('rejects the whole array or chunk, with its position', async () => {
    const pages = [
      { docId, page: 1, vectorIds: ['changed'] },
      { docId: unknown, page: 1, vectorIds: ['x'] },
      { docId: unknown, page: 2, vectorIds: ['y'] },
    ];
    const expected = {
      name: 'DocumentNotFoundError',
      code: 'DOCUMENT_NOT_FOUND',
      docId: unknown,
      path: ['pages', 1, 'docId'],
      message: 'pages[1].docId: there is no document 2000000000',
    };
    const rejected = repository.upsertPages(pages);
    await expect(rejected).rejects.toThrow(DocumentNotFoundError);
    await expect(rejected).rejects.toMatchObject(expected);
    await expect(repository.upsertPages(pages.values())).rejects.toMatchObject(expected);
  });

  test('is reported for a single page', async () => {
    const page = { docId: unknown, page: 1, vectorIds: ['x'] };
    await expect(repository.upsertPage(page)).rejects.toMatchObject({
      docId: unknown,
      path: ['page', 'docId'],
    });
  });

  test('is reported by replaceDocument', async () => {
    await expect(repository.replaceDocument(unknown, [])).rejects.toMatchObject({
      name: 'DocumentNotFoundError',
      docId: unknown,
      path: ['docId'],
    });
  });
});
