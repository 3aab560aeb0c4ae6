import { drizzle } from 'drizzle-orm/pg-proxy';
import { describe, expect, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  InvalidInputError,
  migrate,
  migrationStatus,
  type NewPageVectors,
  openDatabase,
  purgeOrphans,
  rollback,
} from '../../src/index.ts';
import { invalidVectorIds } from '../support/invalid-vector-ids.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { tags } from '../support/migrations.ts';

const sent = new Error('a statement was sent');
/** Rejects every statement, so only calls that fail before they send one throw an InvalidInputError. */
const db = drizzle(() => Promise.reject(sent));
const repository = createVectorRepository(db);

/** Nothing listens on port 1. */
const unreachableUrl = 'postgres://127.0.0.1:1/none';

async function expectRejected(work: () => Promise<unknown>, path: (string | number)[]) {
  const error: unknown = await work().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(InvalidInputError);
  expect(error).toMatchObject({ name: 'InvalidInputError', code: 'INVALID_INPUT', path });
}

test('a call with valid arguments reaches the database', async () => {
  await expect(repository.findByPage(1, 1)).rejects.toMatchObject({ cause: sent });
  await expect(migrate({ url: unreachableUrl })).rejects.toMatchObject({
    code: 'DATABASE_UNAVAILABLE',
  });
});

const wholePage = { x0: 0, y0: 0, x1: 1, y1: 1 };

const invalidIntegers = [
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

describe.each(invalidIntegers)('%o is rejected', (value) => {
  // TypeScript would not accept some of these; plain JavaScript or a parsed request can pass them.
  const bad = value as number;

  test('as a document id', async () => {
    const page = { docId: bad, page: 1, vectorIds: [], id: 1, revision: 1 };
    const good = { docId: 1, page: 2, vectorIds: [], id: 1, revision: 1 };
    await expectRejected(() => repository.findByDocument(bad), ['docId']);
    await expectRejected(() => repository.findByPage(bad, 1), ['docId']);
    await expectRejected(() => repository.findByPageRange(bad, 1, 2), ['docId']);
    await expectRejected(() => repository.findByPages([good, page]), ['keys', 1, 'docId']);
    await expectRejected(() => repository.findVectorIdsInBox(bad, 1, wholePage), ['docId']);
    await expectRejected(() => repository.countPages(bad), ['docId']);
    await expectRejected(() => repository.deleteByDocument(bad), ['docId']);
    await expectRejected(() => repository.deleteByPage(bad, 1), ['docId']);
    await expectRejected(() => repository.replaceDocument(bad, []), ['docId']);
    await expectRejected(() => repository.upsertPage(page), ['page', 'docId']);
    await expectRejected(() => repository.upsertPages([good, page]), ['pages', 1, 'docId']);
    await expectRejected(() => repository.markIndexed([good, page]), ['pages', 1, 'docId']);
  });

  test('as a page number', async () => {
    const page = { docId: 1, page: bad, vectorIds: [], id: 1, revision: 1 };
    await expectRejected(() => repository.findByPage(1, bad), ['page']);
    await expectRejected(() => repository.findByPageRange(1, bad, 2), ['first']);
    await expectRejected(() => repository.findByPageRange(1, 1, bad), ['last']);
    await expectRejected(() => repository.findByPages([page]), ['keys', 0, 'page']);
    await expectRejected(() => repository.findVectorIdsInBox(1, bad, wholePage), ['page']);
    await expectRejected(() => repository.deleteByPage(1, bad), ['page']);
    await expectRejected(() => repository.upsertPage(page), ['page', 'page']);
    await expectRejected(() => repository.upsertPages(new Set([page])), ['pages', 0, 'page']);
    await expectRejected(() => repository.replaceDocument(1, [page]), ['pages', 0, 'page']);
    await expectRejected(() => repository.markIndexed([page]), ['pages', 0, 'page']);
  });
});

test.each(invalidVectorIds)('%s is rejected as a vector id, with its position', async (_, id) => {
  const vectorIds = ['ok', 'ok too', id] as string[];
  const pages = [
    { docId: 1, page: 2, vectorIds: ['fine'], id: 1, revision: 1 },
    { docId: 1, page: 3, vectorIds, id: 1, revision: 1 },
  ];
  const inSecondPage = ['pages', 1, 'vectorIds', 2];
  await expectRejected(
    () => repository.upsertPage({ docId: 1, page: 1, vectorIds }),
    ['page', 'vectorIds', 2],
  );
  await expectRejected(() => repository.upsertPages(pages.values()), inSecondPage);
  await expectRejected(() => repository.markIndexed(pages), inSecondPage);
  await expectRejected(() => repository.locate(vectorIds), ['vectorIds', 2]);
  const hits = vectorIds.map((vectorId) => ({ vectorId, score: 1 }));
  await expectRejected(() => repository.resolveHits(hits), ['hits', 2, 'vectorId']);
});

describe('hits are rejected', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['that are not an array', { points: [] }, ['hits']],
    ['that are text', 'abc', ['hits']],
    ['one of which is null', [null], ['hits', 0]],
    // biome-ignore lint/suspicious/noSparseArray: that is the input
    ['one of which is missing', [{ vectorId: 'a', score: 1 }, ,], ['hits', 1]],
    ['whose id is a number', [{ vectorId: 7, score: 1 }], ['hits', 0, 'vectorId']],
    ['whose score is not a number', [{ vectorId: 'a', score: Number.NaN }], ['hits', 0, 'score']],
    ['whose offset is negative', [{ vectorId: 'a', score: 1, offset: -1 }], ['hits', 0, 'offset']],
    [
      'whose query token is text',
      [{ vectorId: 'a', score: 1, queryToken: '0' }],
      ['hits', 0, 'queryToken'],
    ],
  ])('%s', async (_, hits, path) => {
    await expectRejected(() => repository.resolveHits(hits as []), path);
  });
});

describe('a box is rejected', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['that is missing', undefined, ['box']],
    ['that is a list', [0, 0, 1, 1], ['box']],
    ['without an edge', { x0: 0, y0: 0, x1: 1 }, ['box', 'y1']],
    ['whose edge is not a number', { ...wholePage, y0: Number.NaN }, ['box', 'y0']],
    ['whose left edge is to the right of its right edge', { ...wholePage, x0: 2 }, ['box']],
  ])('%s', async (_, box, path) => {
    await expectRejected(() => repository.findVectorIdsInBox(1, 1, box as typeof wholePage), path);
  });
});

describe('a page is rejected', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['that is null', null, ['page']],
    ['that is text', 'page', ['page']],
    ['without ids', { docId: 1, page: 1 }, ['page', 'vectorIds']],
    ['whose ids are text', { docId: 1, page: 1, vectorIds: 'abc' }, ['page', 'vectorIds']],
    ['with ids and patches', { docId: 1, page: 1, vectorIds: [], patches: 0 }, ['page', 'patches']],
    ['whose ids are null', { docId: 1, page: 1, vectorIds: null }, ['page', 'vectorIds']],
    ['with -1 patches', { docId: 1, page: 1, patches: -1 }, ['page', 'patches']],
    ['with half a patch', { docId: 1, page: 1, patches: 0.5 }, ['page', 'patches']],
    ['with too many patches', { docId: 1, page: 1, patches: 100_001 }, ['page', 'patches']],
    ['whose patches are text', { docId: 1, page: 1, patches: '1030' }, ['page', 'patches']],
    ['whose patches are null', { docId: 1, page: 1, patches: null }, ['page', 'patches']],
    [
      'whose grid needs more vectors than its patches',
      { docId: 1, page: 1, patches: 1023, grid: { cols: 32, rows: 32, start: 0 } },
      ['page', 'grid'],
    ],
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
      'whose grid needs more vectors than the page has',
      { docId: 1, page: 1, vectorIds: ['a', 'b'], grid: { cols: 1, rows: 2, start: 1 } },
      ['page', 'grid'],
    ],
    [
      'whose last row of patches is beyond its vectors',
      {
        docId: 1,
        page: 1,
        vectorIds: ['a', 'b'],
        grid: { cols: 1, rows: 2, start: 0, rowStride: 2 },
      },
      ['page', 'grid'],
    ],
    [
      'whose grid has an unknown field',
      { docId: 1, page: 1, vectorIds: ['a', 'b'], grid: { cols: 1, rows: 1, start: 0, colums: 2 } },
      ['page', 'grid'],
    ],
    [
      'whose rows overlap',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 2, rows: 1, start: 0, rowStride: 1 } },
      ['page', 'grid', 'rowStride'],
    ],
    [
      'whose tiles do not fill the page',
      {
        docId: 1,
        page: 1,
        vectorIds: ['a'],
        grid: { cols: 3, rows: 2, start: 0, tile: { cols: 2, rows: 2 } },
      },
      ['page', 'grid', 'tile', 'cols'],
    ],
    [
      'whose tiles overlap',
      {
        docId: 1,
        page: 1,
        vectorIds: ['a'],
        grid: { cols: 4, rows: 2, start: 0, tile: { cols: 2, rows: 2 }, tileStride: 3 },
      },
      ['page', 'grid', 'tileStride'],
    ],
    [
      'with a distance between tiles but no tiles',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 4, rows: 2, start: 0, tileRowGap: 1 } },
      ['page', 'grid', 'tileRowGap'],
    ],
    [
      'whose grid is larger than any page',
      { docId: 1, page: 1, vectorIds: ['a'], grid: { cols: 1000, rows: 1000, start: 0 } },
      ['page', 'grid'],
    ],
  ])('%s', async (_, page, path) => {
    await expectRejected(() => repository.upsertPage(page as NewPageVectors), path);
  });

  test('that occurs twice in an array or a stream', async () => {
    const pages = [
      { docId: 1, page: 1, vectorIds: ['a'] },
      { docId: 1, page: 2, vectorIds: ['b'] },
      { docId: 1, page: 1, vectorIds: ['a'] },
    ];
    await expectRejected(() => repository.upsertPages(pages), ['pages', 2]);
    await expectRejected(() => repository.upsertPages(pages.values()), ['pages', 2]);
  });

  test('that belongs to another document than the one to replace', async () => {
    await expectRejected(
      () => repository.replaceDocument(1, [{ docId: 2, page: 1, vectorIds: [] }]),
      ['pages', 0, 'docId'],
    );
  });
});

test('a hole in an array is rejected with its position', async () => {
  // biome-ignore-start lint/suspicious/noSparseArray: that is the input
  const pages = [, { docId: 1, page: 2, vectorIds: ['a'] }] as NewPageVectors[];
  const vectorIds = ['a', , 'b'] as string[];
  // biome-ignore-end lint/suspicious/noSparseArray: that is the input
  await expectRejected(() => repository.upsertPages(pages), ['pages', 0]);
  await expectRejected(() => repository.findByPages(pages), ['keys', 0]);
  await expectRejected(
    () => repository.upsertPage({ docId: 1, page: 1, vectorIds }),
    ['page', 'vectorIds', 1],
  );
});

test.each([undefined, null, 7, 'pages', {}])('%o is rejected as a list of pages', async (pages) => {
  await expectRejected(() => repository.upsertPages(pages as unknown as []), ['pages']);
  await expectRejected(() => repository.replaceDocument(1, pages as unknown as []), ['pages']);
});

test('a page range that ends before it starts is rejected', async () => {
  await expectRejected(() => repository.findByPageRange(1, 3, 2), ['last']);
});

describe('an option out of range is rejected', () => {
  test('by the repository', async () => {
    await expectRejected(() => repository.findPending({ limit: 0 }), ['options', 'limit']);
    await expectRejected(() => repository.findPending({ docId: 0 }), ['options', 'docId']);
    expect(() => repository.streamPages({ batchSize: 0 })).toThrow(InvalidInputError);
    expect(() => repository.streamPages({ docId: 0 })).toThrow(InvalidInputError);
    const signal = {} as AbortSignal;
    expect(() => repository.streamPages({ signal })).toThrow(InvalidInputError);
    await expectRejected(() => repository.locate([], { signal }), ['options', 'signal']);
  });

  test.each(['batchIds', 'limit', 'callTimeoutMs', 'deadlineMs'])(
    'by purgeOrphans: %s',
    async (option) => {
      const { deleteVectors } = new MemoryStore();
      await expectRejected(
        () => purgeOrphans(db, deleteVectors, { [option]: 0 }),
        ['options', option],
      );
    },
  );

  test.each([
    ['batchIds', 0],
    ['sampleSize', -1],
  ])('by auditVectors: %s', async (option, value) => {
    await expectRejected(
      () => auditVectors(db, new MemoryStore(), { [option]: value }),
      ['options', option],
    );
  });

  test.each([0, -1, 1.5, 2 ** 31, '5s', null])('by migrate and rollback: %o', async (value) => {
    const options = { url: unreachableUrl, lockTimeoutMs: value as number };
    await expectRejected(() => migrate(options), ['options', 'lockTimeoutMs']);
    await expectRejected(() => rollback(options), ['options', 'lockTimeoutMs']);
  });

  test.each(['0', 'many', '1.5', ''])('by openDatabase: max=%s in the URL', async (max) => {
    await expectRejected(() => openDatabase(`${unreachableUrl}?max=${max}`), ['url']);
  });
});

test('an onEvent that is not a function is rejected', async () => {
  const options = { onEvent: 'log' as never };
  const path = ['options', 'onEvent'];
  const { deleteVectors } = new MemoryStore();
  await expectRejected(async () => createVectorRepository(db, options), path);
  await expectRejected(() => purgeOrphans(db, deleteVectors, options), path);
  await expectRejected(() => auditVectors(db, new MemoryStore(), options), path);
});

test.each([
  'mysql://localhost/app',
  'postgres://localhost/app?max=0',
  'postgres://app:hunter#2@localhost/app',
])('an invalid URL is rejected under the name of its argument: %s', async (url) => {
  await expectRejected(() => migrate({ url }), ['options', 'url']);
  await expectRejected(() => rollback({ url }), ['options', 'url']);
  await expectRejected(() => migrationStatus({ url }), ['options', 'url']);
  await expectRejected(() => openDatabase(url), ['url']);
});

describe('rollback rejects', () => {
  test.each(['0003_none', '', '0001', `${tags[1]}.sql`])(
    '%o, which names no migration, and lists those that exist',
    async (to) => {
      await expectRejected(() => rollback({ url: unreachableUrl, to }), ['options', 'to']);
      await expect(rollback({ url: unreachableUrl, to })).rejects.toThrow(tags.join(', '));
    },
  );

  test('`to` together with `all`', async () => {
    await expectRejected(
      () => rollback({ url: unreachableUrl, to: tags[0], all: true }),
      ['options', 'to'],
    );
  });
});
