import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  DocumentNotFoundError,
  type NewPageVectors,
  type PageVectors,
  patchVectorId,
  patchVectorIds,
} from '../../../src/index.ts';
import {
  createDocument,
  inRolledBackTransaction,
  select,
  useTestDatabase,
} from '../../support/database.ts';
import { gate } from '../../support/gate.ts';
import { randomVectorIds } from '../../support/random-ids.ts';

const db = useTestDatabase();
const repository = (on: Db = db()) => createVectorRepository(on);

/** Creates a document with pages 1 to `pages`, and a neighbour with the same pages that must not change. */
async function documentWithPages(pages: number, idsPerPage = 3) {
  const [docId, neighbour] = [await createDocument(db()), await createDocument(db())];
  for (const id of [docId, neighbour]) {
    await repository().upsertPages(
      Array.from({ length: pages }, (_, index) => ({
        docId: id,
        page: index + 1,
        vectorIds: patchVectorIds({ docId: id, page: index + 1, count: idsPerPage }),
      })),
    );
  }
  return { docId, neighbour };
}

const numbersOf = (pages: (PageVectors | undefined)[]) => pages.map((page) => page?.page);

describe('findByPage', () => {
  test.each([
    ['patch', (docId: number) => patchVectorIds({ docId, page: 1, count: 1030 })],
    ['random', () => randomVectorIds(1030)],
    [
      'consecutive 64-bit',
      () => Array.from({ length: 1030 }, (_, i) => `${2n ** 62n + BigInt(i)}`),
    ],
  ])('returns 1030 %s ids in order', async (_, idsOf) => {
    const docId = await createDocument(db());
    const vectorIds = idsOf(docId);
    await repository().upsertPage({ docId, page: 1, vectorIds });
    const page = await repository().findByPage(docId, 1);
    expect(page?.vectorIds).toEqual(vectorIds);
  });

  test('returns the whole row', async () => {
    const docId = await createDocument(db());
    const grid = { cols: 2, rows: 1, start: 0 };
    await repository().upsertPage({ docId, page: 3, vectorIds: ['a', 'b'], grid });
    expect(await repository().findByPage(docId, 3)).toEqual({
      id: expect.any(Number),
      docId,
      page: 3,
      vectorIds: ['a', 'b'],
      grid,
      namespace: null,
      recordedAt: expect.any(Date),
      indexedAt: expect.any(Date),
      revision: expect.any(Number),
    });
  });

  test('returns undefined for a page that is not recorded', async () => {
    const { docId } = await documentWithPages(1);
    expect(await repository().findByPage(docId, 2)).toBeUndefined();
  });

  test('returns an empty list of ids for a page without vectors', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [] });
    expect((await repository().findByPage(docId, 1))?.vectorIds).toEqual([]);
  });
});

describe('findByDocument', () => {
  test('returns only the pages of the document, ordered by page', async () => {
    const docId = await createDocument(db());
    await documentWithPages(2);
    for (const page of [3, 1, 2]) await repository().upsertPage({ docId, page, vectorIds: ['x'] });
    const pages = await repository().findByDocument(docId);
    expect(pages.map(({ docId: id, page }) => [id, page])).toEqual([
      [docId, 1],
      [docId, 2],
      [docId, 3],
    ]);
  });

  test('returns an empty list for a document that does not exist', async () => {
    expect(await repository().findByDocument(2_000_000_000)).toEqual([]);
  });
});

test('findByPageRange includes both ends', async () => {
  const { docId } = await documentWithPages(5);
  expect(numbersOf(await repository().findByPageRange(docId, 2, 4))).toEqual([2, 3, 4]);
  expect(numbersOf(await repository().findByPageRange(docId, 5, 9))).toEqual([5]);
});

test('findByPages returns pages in the order of the keys, and undefined for a page that is not recorded', async () => {
  const { docId, neighbour } = await documentWithPages(3);
  const pages = await repository().findByPages([
    { docId: neighbour, page: 2 },
    { docId, page: 9 },
    { docId, page: 3 },
    { docId: neighbour, page: 2 },
  ]);
  expect(pages.map((page) => page && [page.docId, page.page])).toEqual([
    [neighbour, 2],
    undefined,
    [docId, 3],
    [neighbour, 2],
  ]);
  expect(await repository().findByPages([])).toEqual([]);
});

test('findByPages accepts more keys than a statement can have parameters', async () => {
  const { docId } = await documentWithPages(1);
  const keys = Array.from({ length: 70_000 }, (_, index) => ({ docId, page: index + 1 }));
  const pages = await repository().findByPages(keys);
  expect(pages).toHaveLength(70_000);
  expect(pages.filter(Boolean)).toHaveLength(1);
});

describe('streamPages', () => {
  test.each([1, 2, 5, 100])(
    'returns every page of a document once, %i per query',
    async (batchSize) => {
      const { docId } = await documentWithPages(5);
      const seen: number[] = [];
      for await (const { page } of repository().streamPages({ docId, batchSize })) seen.push(page);
      expect(seen).toEqual([1, 2, 3, 4, 5]);
    },
  );

  test('returns the pages of all documents in order', async () => {
    const { docId, neighbour } = await documentWithPages(3);
    const seen: [number, number][] = [];
    for await (const page of repository().streamPages({ batchSize: 2 })) {
      seen.push([page.docId, page.page]);
    }
    expect(seen).toEqual(seen.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]));
    expect(seen.filter(([id]) => id === docId || id === neighbour)).toHaveLength(6);
  });
});

test('countPages counts only the pages of the document', async () => {
  const { docId } = await documentWithPages(4);
  expect(await repository().countPages(docId)).toBe(4);
  expect(await repository().countPages(2_000_000_000)).toBe(0);
});

describe('upsertPage', () => {
  test('replaces a recorded page and leaves its neighbours unchanged', async () => {
    const { docId, neighbour } = await documentWithPages(2);
    const before = await repository().findByPages([
      { docId, page: 2 },
      { docId: neighbour, page: 1 },
    ]);
    await repository().upsertPage({ docId, page: 1, vectorIds: ['new'] });
    expect((await repository().findByPage(docId, 1))?.vectorIds).toEqual(['new']);
    expect(
      await repository().findByPages([
        { docId, page: 2 },
        { docId: neighbour, page: 1 },
      ]),
    ).toEqual(before);
  });

  test('does not write a page that is already recorded with the same ids', async () => {
    const { docId } = await documentWithPages(1);
    const row = () =>
      select(db(), `select ctid::text, indexed_at::text from vectors where doc_id = ${docId}`);
    const before = await row();
    const vectorIds = patchVectorIds({ docId, page: 1, count: 3 });
    await repository().upsertPage({ docId, page: 1, vectorIds });
    expect(await row()).toEqual(before);
  });

  test('records numbers and bigints as their decimal strings', async () => {
    const docId = await createDocument(db());
    const vectorIds = [7, 2n ** 63n, -1, 'x'];
    await repository().upsertPage({ docId, page: 1, vectorIds });
    const page = await repository().findByPage(docId, 1);
    expect(page?.vectorIds).toEqual(['7', '9223372036854775808', '-1', 'x']);
  });

  test.each([
    ['quotes and braces', ['"', "'", '{', '}', ',', '\\', '\\"', '{"a":1}', 'NULL', 'null']],
    ['other scripts', ['ключ', '鍵', '🔑', 'e\u0301', '\u{10ffff}']],
    ['whitespace', [' ', '\n', '\t', ' a ', '\u00a0', '\r\n']],
    ['wildcards and placeholders', ['%', '_', '$1', ':name', '?', '--', '/*']],
  ])('records ids with %s unchanged', async (_, vectorIds) => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds });
    expect((await repository().findByPage(docId, 1))?.vectorIds).toEqual(vectorIds);
  });
});

describe('upsertPages', () => {
  test('records more pages than fit into one statement', async () => {
    const docId = await createDocument(db());
    const progress: number[] = [];
    const pages = Array.from({ length: 1_200 }, (_, index) => ({
      docId,
      page: 1_200 - index,
      vectorIds: patchVectorIds({ docId, page: 1_200 - index, count: 4 }),
    }));
    const count = await repository().upsertPages(pages, { onProgress: (n) => progress.push(n) });
    expect(count).toBe(1_200);
    expect(progress).toEqual([500, 1_000, 1_200]);
    expect(await repository().countPages(docId)).toBe(1_200);
    expect((await repository().findByPage(docId, 1_200))?.vectorIds).toEqual(pages[0]?.vectorIds);
  });

  test('records large pages in several statements', async () => {
    const docId = await createDocument(db());
    const pages = Array.from({ length: 250 }, (_, index) => ({
      docId,
      page: index + 1,
      vectorIds: randomVectorIds(1030),
    }));
    const progress: number[] = [];
    await repository().upsertPages(pages, { onProgress: (n) => progress.push(n) });
    expect(progress.length).toBeGreaterThan(1);
    const recorded = await repository().findByDocument(docId);
    expect(recorded.map(({ vectorIds }) => vectorIds)).toEqual(pages.map((p) => p.vectorIds));
  });

  test('records nothing if a page late in an array is invalid', async () => {
    const docId = await createDocument(db());
    const pages: NewPageVectors[] = Array.from({ length: 4_500 }, (_, index) => ({
      docId,
      page: index + 1,
      vectorIds: ['x'],
    }));
    pages[4_400] = { docId, page: 4_401, vectorIds: [''] };
    await expect(repository().upsertPages(pages)).rejects.toMatchObject({
      code: 'INVALID_INPUT',
      path: ['pages', 4_400, 'vectorIds', 0],
    });
    expect(await repository().countPages(docId)).toBe(0);
  });

  test('keeps the chunks of a stream that precede an invalid page', async () => {
    const docId = await createDocument(db());
    async function* pages() {
      for (let page = 1; page <= 4_500; page += 1) {
        yield { docId, page, vectorIds: [page === 4_401 ? '' : 'x'] };
      }
    }
    await expect(repository().upsertPages(pages())).rejects.toMatchObject({
      path: ['pages', 4_400, 'vectorIds', 0],
    });
    expect(await repository().countPages(docId)).toBe(4_000);
  });

  test('reports an error without waiting for the next page of an idle stream', async () => {
    const missing = (await createDocument(db())) + 1;
    const [idle, more, closed] = [gate(), gate(), gate()];
    async function* pages() {
      try {
        for (let page = 1; page <= 500; page += 1) {
          yield { docId: missing, page, vectorIds: ['x'] };
        }
        idle.open();
        await more.opened;
        yield { docId: missing, page: 501, vectorIds: ['x'] };
      } finally {
        closed.open();
      }
    }
    const rejected = expect(repository().upsertPages(pages())).rejects.toMatchObject({
      docId: missing,
      path: ['pages', 0, 'docId'],
    });
    await idle.opened;
    await rejected;
    more.open();
    await closed.opened;
  });

  test('accepts any iterable', async () => {
    const docId = await createDocument(db());
    const pages = new Set([1, 2, 3].map((page) => ({ docId, page, vectorIds: [`p${page}`] })));
    expect(await repository().upsertPages(pages)).toBe(3);
    expect(await repository().countPages(docId)).toBe(3);
  });

  test('returns 0 for an empty array', async () => {
    expect(await repository().upsertPages([])).toBe(0);
  });
});

describe('pending pages', () => {
  test('are found in order until they are marked', async () => {
    const docId = await createDocument(db());
    const keys = [2, 1, 3].map((page) => ({ docId, page }));
    const recorded = await repository().upsertPages(
      keys.map((key) => ({ ...key, vectorIds: ['x'] })),
      { pending: true },
    );
    expect(numbersOf(recorded as never)).toEqual([2, 1, 3]);
    expect(numbersOf(await repository().findPending({ docId }))).toEqual([1, 2, 3]);
    expect(numbersOf(await repository().findPending({ docId, limit: 2 }))).toEqual([1, 2]);

    expect(await repository().markIndexed(recorded.filter(({ page }) => page !== 2))).toBe(2);
    const left = await repository().findPending({ docId });
    expect(left.map(({ page, indexedAt }) => [page, indexedAt])).toEqual([[2, null]]);
    expect((await repository().findByPage(docId, 1))?.indexedAt).toBeInstanceOf(Date);
  });

  test('do not change when an indexed page or a page that is not recorded is marked', async () => {
    const { docId } = await documentWithPages(1);
    const before = await repository().findByPage(docId, 1);
    const unknown = { docId, page: 7, vectorIds: [], id: 1, revision: 1 };
    expect(await repository().markIndexed([before as PageVectors, unknown])).toBe(0);
    expect(await repository().findByPage(docId, 1)).toEqual(before);
  });

  test('include a page that is recorded again as pending with the same ids', async () => {
    const { docId } = await documentWithPages(1);
    const vectorIds = patchVectorIds({ docId, page: 1, count: 3 });
    await repository().upsertPage({ docId, page: 1, vectorIds }, { pending: true });
    expect(await repository().findPending({ docId })).toHaveLength(1);
    await repository().upsertPage({ docId, page: 1, vectorIds });
    expect(await repository().findPending({ docId })).toHaveLength(0);
  });

  test('are found across all documents', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: ['x'] }, { pending: true });
    const pending = await repository().findPending();
    expect(pending.map((page) => page.docId)).toContain(docId);
  });
});

describe('replaceDocument', () => {
  test('leaves the document with exactly the given pages', async () => {
    const { docId, neighbour } = await documentWithPages(3);
    const neighbours = await repository().findByDocument(neighbour);
    const count = await repository().replaceDocument(docId, [
      { page: 2, vectorIds: ['two'] },
      { docId, page: 5, vectorIds: ['five'] },
    ]);
    expect(count).toBe(2);
    const pages = await repository().findByDocument(docId);
    expect(pages.map(({ page, vectorIds }) => [page, vectorIds])).toEqual([
      [2, ['two']],
      [5, ['five']],
    ]);
    expect(await repository().findByDocument(neighbour)).toEqual(neighbours);
  });

  test('deletes all pages if it is given none', async () => {
    const { docId } = await documentWithPages(2);
    expect(await repository().replaceDocument(docId, [])).toBe(0);
    expect(await repository().countPages(docId)).toBe(0);
  });
});

describe('deleting', () => {
  test('by page deletes the page and leaves its neighbours', async () => {
    const { docId, neighbour } = await documentWithPages(3);
    expect(await repository().deleteByPage(docId, 2)).toBe(true);
    expect(await repository().deleteByPage(docId, 2)).toBe(false);
    expect(numbersOf(await repository().findByDocument(docId))).toEqual([1, 3]);
    expect(await repository().countPages(neighbour)).toBe(3);
  });

  test('by document deletes the pages and leaves the document', async () => {
    const { docId, neighbour } = await documentWithPages(3);
    expect(await repository().deleteByDocument(docId)).toBe(3);
    expect(await repository().deleteByDocument(docId)).toBe(0);
    await repository().upsertPage({ docId, page: 1, vectorIds: ['again'] });
    expect(await repository().countPages(neighbour)).toBe(3);
  });
});

describe('locate', () => {
  test('finds ids of every kind in one call, in the order given', async () => {
    const docId = await createDocument(db());
    const random = randomVectorIds(50);
    const patchIds = patchVectorIds({ docId, page: 2, count: 50 });
    await repository().upsertPages([
      { docId, page: 1, vectorIds: random },
      { docId, page: 2, vectorIds: patchIds },
      { docId, page: 3, vectorIds: Array.from({ length: 1030 }, (_, i) => `${docId}#3#${i}`) },
      { docId, page: 4, vectorIds: ['one point for the page'] },
    ]);
    const asked = [
      patchIds[49] as string,
      `${docId}#3#1029`,
      'nowhere',
      random[7] as string,
      `${docId}#3#0`,
      `${docId}#3#1030`,
      'one point for the page',
    ];
    const at = (page: number, patch: number, index: number) => ({
      vectorId: asked[index],
      docId,
      page,
      patch,
    });
    expect(await repository().locate(asked)).toEqual([
      at(2, 49, 0),
      at(3, 1029, 1),
      undefined,
      at(1, 7, 3),
      at(3, 0, 4),
      undefined,
      at(4, 0, 6),
    ]);
  });

  test('finds a UUID with and without dashes, also if it was recorded in the other spelling', async () => {
    const docId = await createDocument(db());
    const [dashed, plain] = [
      '8c4a1f0e-0000-4000-8000-00000000aaaa',
      '8c4a1f0e00004000800000000000bbbb',
    ];
    await repository().upsertPage({ docId, page: 1, vectorIds: [dashed, plain] });
    const asked = [
      '8c4a1f0e00004000800000000000aaaa',
      dashed,
      '8c4a1f0e-0000-4000-8000-00000000bbbb',
      plain,
    ];
    const found = await repository().locate(asked);
    expect(found.map((location) => location?.patch)).toEqual([0, 0, 1, 1]);
    expect(found.map((location) => location?.vectorId)).toEqual(asked);
  });

  test('returns undefined for a patch id that its page does not have', async () => {
    const { docId } = await documentWithPages(1);
    const [missingPatch, missingPage] = await repository().locate([
      patchVectorId({ docId, page: 1, patch: 3 }),
      patchVectorId({ docId, page: 2, patch: 0 }),
    ]);
    expect(missingPatch).toBeUndefined();
    expect(missingPage).toBeUndefined();
  });

  test('finds a patch id that is recorded on another page', async () => {
    const docId = await createDocument(db());
    const id = patchVectorId({ docId, page: 9, patch: 0 });
    await repository().upsertPage({ docId, page: 1, vectorIds: ['x', id] });
    expect(await repository().locate([id])).toEqual([{ vectorId: id, docId, page: 1, patch: 1 }]);
  });

  test('returns the first page for an id that several pages have', async () => {
    const { docId, neighbour } = await documentWithPages(1);
    const id = `shared by ${docId}`;
    await repository().upsertPages([
      { docId: neighbour, page: 1, vectorIds: [id] },
      { docId, page: 8, vectorIds: ['x', id] },
      { docId, page: 3, vectorIds: ['x', 'y', id, id] },
    ]);
    expect(await repository().locate([id])).toEqual([{ vectorId: id, docId, page: 3, patch: 2 }]);
  });

  test('accepts numbers, and the same id twice', async () => {
    const docId = await createDocument(db());
    await repository().upsertPage({ docId, page: 1, vectorIds: [docId * 1e6 + 1, 'b'] });
    const found = await repository().locate([docId * 1e6 + 1, BigInt(docId * 1e6 + 1)]);
    expect(found.map((location) => location?.patch)).toEqual([0, 0]);
    expect(await repository().locate([])).toEqual([]);
  });
});

describe('in a transaction', () => {
  test('a stream can roll back its own savepoint without losing recorded pages', async () => {
    const docId = await createDocument(db());
    await db().transaction(async (tx) => {
      async function* pages() {
        for (let page = 1; page <= 1_000; page += 1) {
          if (page === 501) {
            const undone = tx.transaction(async () => {
              await new Promise((resolve) => setTimeout(resolve, 200));
              throw new Error('undo');
            });
            await undone.catch(() => {});
          }
          yield { docId, page, vectorIds: ['x'] };
        }
      }
      await createVectorRepository(tx).upsertPages(pages());
    });
    expect(await repository().countPages(docId)).toBe(1_000);
  });

  test('a stream that reads from the same transaction can fail and leaves it usable', async () => {
    const { docId } = await documentWithPages(1);
    await repository().upsertPages(
      Array.from({ length: 1_500 }, (_, index) => ({ docId, page: index + 1, vectorIds: ['x'] })),
    );
    const missing = (await createDocument(db())) + 1;
    await db().transaction(async (tx) => {
      const repository = createVectorRepository(tx);
      async function* copies() {
        for await (const page of repository.streamPages({ docId }))
          yield { ...page, docId: missing };
      }
      await expect(repository.upsertPages(copies())).rejects.toMatchObject({ docId: missing });
      await repository.upsertPage({ docId, page: 1, vectorIds: ['after'] });
    });
    expect((await repository().findByPage(docId, 1))?.vectorIds).toEqual(['after']);
  });

  test('every write is rolled back with it', async () => {
    const { docId } = await documentWithPages(2);
    const before = await repository().findByDocument(docId);
    await inRolledBackTransaction(db(), async (tx) => {
      await repository(tx).deleteByPage(docId, 1);
      await repository(tx).upsertPages([{ docId, page: 7, vectorIds: ['x'] }]);
      await repository(tx).replaceDocument(docId, [{ page: 9, vectorIds: ['y'] }]);
      expect(numbersOf(await repository(tx).findByDocument(docId))).toEqual([9]);
    });
    expect(await repository().findByDocument(docId)).toEqual(before);
  });

  test('a failed write leaves the transaction usable', async () => {
    const { docId } = await documentWithPages(1);
    await db().transaction(async (tx) => {
      const unknown = { docId: 2_000_000_000, page: 1, vectorIds: ['x'] };
      await expect(repository(tx).upsertPage(unknown)).rejects.toThrow(DocumentNotFoundError);
      await expect(repository(tx).upsertPages([unknown])).rejects.toThrow(DocumentNotFoundError);
      await expect(repository(tx).upsertPages(new Set([unknown]))).rejects.toThrow(
        DocumentNotFoundError,
      );
      await repository(tx).upsertPage({ docId, page: 2, vectorIds: ['after'] });
    });
    expect(await repository().countPages(docId)).toBe(2);
  });
});
