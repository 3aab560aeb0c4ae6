import { count } from 'drizzle-orm';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  DocumentNotFoundError,
  InvalidInputError,
  type NewPageVectors,
  type VectorRepository,
  vectorOrphans,
  vectors,
} from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';

const db = useTestDatabase();
let repository: VectorRepository;
let docId: number;

beforeAll(async () => {
  repository = createVectorRepository(db());
  docId = await createDocument(db());
  await repository.upsertPage({ docId, page: 1, vectorIds: ['kept'] });
});

afterEach(async () => {
  // Whatever was refused: what was there is there, and nothing else.
  expect((await repository.findByPage(docId, 1))?.vectorIds).toEqual(['kept']);
  expect(await db().select({ rows: count() }).from(vectors)).toEqual([{ rows: 1 }]);
  expect(await db().select({ rows: count() }).from(vectorOrphans)).toEqual([{ rows: 0 }]);
});

async function expectRefused(work: () => Promise<unknown>, path: (string | number)[]) {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InvalidInputError);
  expect(error).toMatchObject({ name: 'InvalidInputError', code: 'INVALID_INPUT', path });
}

const noIntegers = [
  0,
  -1,
  1.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  2 ** 31,
  '1',
  null,
  undefined,
];

describe.each(noIntegers)('%o', (value) => {
  // What TypeScript would refuse, as JavaScript or a parsed request would pass it.
  const bad = value as number;

  test('is no document id', async () => {
    await expectRefused(() => repository.findByDocument(bad), ['docId']);
    await expectRefused(() => repository.findByPage(bad, 1), ['docId']);
    await expectRefused(() => repository.findByPageRange(bad, 1, 2), ['docId']);
    await expectRefused(() => repository.countPages(bad), ['docId']);
    await expectRefused(() => repository.deleteByDocument(bad), ['docId']);
    await expectRefused(() => repository.deleteByPage(bad, 1), ['docId']);
    await expectRefused(() => repository.replaceDocument(bad, []), ['docId']);
    await expectRefused(
      () => repository.upsertPage({ docId: bad, page: 1, vectorIds: [] }),
      ['page', 'docId'],
    );
    const good = { docId, page: 2, vectorIds: [] };
    await expectRefused(
      () => repository.upsertPages([good, { docId: bad, page: 1, vectorIds: [] }]),
      ['pages', 1, 'docId'],
    );
    await expectRefused(
      () => repository.findByPages([good, { docId: bad, page: 1 }]),
      ['keys', 1, 'docId'],
    );
  });

  test('is no page number', async () => {
    await expectRefused(() => repository.findByPage(docId, bad), ['page']);
    await expectRefused(() => repository.findByPageRange(docId, bad, 2), ['first']);
    await expectRefused(() => repository.findByPageRange(docId, 1, bad), ['last']);
    await expectRefused(() => repository.deleteByPage(docId, bad), ['page']);
    await expectRefused(
      () => repository.upsertPage({ docId, page: bad, vectorIds: [] }),
      ['page', 'page'],
    );
    await expectRefused(
      () => repository.upsertPages(new Set([{ docId, page: bad, vectorIds: [] }])),
      ['pages', 0, 'page'],
    );
    await expectRefused(
      () => repository.replaceDocument(docId, [{ page: bad, vectorIds: [] }]),
      ['pages', 0, 'page'],
    );
    await expectRefused(() => repository.markIndexed([{ docId, page: bad }]), ['pages', 0, 'page']);
  });
});

describe('an id', () => {
  test.each<[string, unknown]>([
    ['that is empty', ''],
    ['that holds U+0000', 'a\0b'],
    ['that holds half a surrogate pair', 'a\ud800'],
    ['above 2^53 as a number', Number('449278312341234567')],
    ['that is a fraction', 1.5],
    ['that is NaN', Number.NaN],
    ['that is null', null],
    ['that is left out', undefined],
    ['that is an object', { id: 1 }],
    ['that is an array', ['a']],
  ])('%s is refused with its position', async (_, id) => {
    const vectorIds = ['ok', 'ok too', id] as string[];
    await expectRefused(
      () => repository.upsertPage({ docId, page: 1, vectorIds }),
      ['page', 'vectorIds', 2],
    );
    const pages = [
      { docId, page: 2, vectorIds: ['fine'] },
      { docId, page: 3, vectorIds },
    ];
    await expectRefused(() => repository.upsertPages(pages), ['pages', 1, 'vectorIds', 2]);
    await expectRefused(() => repository.upsertPages(pages.values()), ['pages', 1, 'vectorIds', 2]);
    await expectRefused(
      () => repository.replaceDocument(docId, pages),
      ['pages', 1, 'vectorIds', 2],
    );
    await expectRefused(() => repository.locate(vectorIds), ['vectorIds', 2]);
  });
});

describe('a page', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['that is null', null, ['page']],
    ['that is text', 'page', ['page']],
    ['without ids', { docId: 1, page: 1 }, ['page', 'vectorIds']],
    ['whose ids are text', { docId: 1, page: 1, vectorIds: 'abc' }, ['page', 'vectorIds']],
    ['whose grid is text', { docId: 1, page: 1, vectorIds: [], grid: '32x32' }, ['page', 'grid']],
    [
      'whose grid has no rows',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 1, rows: 0, start: 0 } },
      ['page', 'grid', 'rows'],
    ],
    [
      'whose grid starts before 0',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 1, rows: 1, start: -1 } },
      ['page', 'grid', 'start'],
    ],
    [
      'whose grid needs more vectors',
      { docId: 1, page: 1, vectorIds: ['a', 'b'], grid: { cols: 1, rows: 2, start: 1 } },
      ['page', 'grid'],
    ],
  ])('%s is refused', async (_, page, path) => {
    await expectRefused(() => repository.upsertPage(page as NewPageVectors), path);
  });

  test('that is a hole of a sparse array is refused', async () => {
    // biome-ignore-start lint/suspicious/noSparseArray: that is the input
    const pages = [, { docId, page: 2, vectorIds: ['a'] }] as NewPageVectors[];
    const vectorIds = ['a', , 'b'] as string[];
    // biome-ignore-end lint/suspicious/noSparseArray: that is the input
    await expectRefused(() => repository.upsertPages(pages), ['pages', 0]);
    await expectRefused(() => repository.findByPages(pages), ['keys', 0]);
    await expectRefused(
      () => repository.upsertPage({ docId, page: 1, vectorIds }),
      ['page', 'vectorIds', 1],
    );
  });

  test('that comes twice is refused, in arrays and streams', async () => {
    const pages = [
      { docId, page: 1, vectorIds: ['a'] },
      { docId, page: 2, vectorIds: ['b'] },
      { docId, page: 1, vectorIds: ['a'] },
    ];
    await expectRefused(() => repository.upsertPages(pages), ['pages', 2]);
    await expectRefused(() => repository.upsertPages(pages.values()), ['pages', 2]);
    await expectRefused(() => repository.replaceDocument(docId, pages), ['pages', 2]);
  });

  test.each([undefined, null, 7, 'pages', {}])('list that is %o is refused', async (pages) => {
    await expectRefused(() => repository.upsertPages(pages as unknown as []), ['pages']);
    await expectRefused(() => repository.replaceDocument(docId, pages as unknown as []), ['pages']);
  });
});

test('a range that ends before it starts is refused', async () => {
  await expectRefused(() => repository.findByPageRange(docId, 3, 2), ['last']);
});

test('options out of range are refused', async () => {
  await expectRefused(() => repository.findPending({ limit: 0 }), ['options', 'limit']);
  expect(() => repository.streamPages({ batchSize: 0 })).toThrow(InvalidInputError);
  expect(() => repository.streamPages({ docId: 0 })).toThrow(InvalidInputError);
});

describe('an unknown document', () => {
  const unknown = 2_000_000_000;

  test('is the first of several in the caller’s order', async () => {
    const pages = [unknown + 1, docId, unknown].map((id) => ({
      docId: id,
      page: 1,
      vectorIds: [],
    }));
    await expect(repository.upsertPages(pages)).rejects.toMatchObject({
      path: ['pages', 0, 'docId'],
    });
  });

  test('is named with its position, and nothing is written', async () => {
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
    const refused = repository.upsertPages(pages);
    await expect(refused).rejects.toThrow(DocumentNotFoundError);
    await expect(refused).rejects.toMatchObject(expected);
    await expect(repository.upsertPages(pages.values())).rejects.toMatchObject(expected);
  });

  test('of a single page is named', async () => {
    const page = { docId: unknown, page: 1, vectorIds: ['x'] };
    await expect(repository.upsertPage(page)).rejects.toMatchObject({
      docId: unknown,
      path: ['page', 'docId'],
    });
  });
});
