import { expect, test } from 'vitest';
import { createVectorRepository, patchVectorIds } from '../../../src/index.ts';
import { similarityMap } from '../../../src/page/index.ts';
import {
  createDocument,
  execute,
  insertStoredPage,
  useTestDatabase,
} from '../../support/database.ts';
import { randomVectorIds } from '../../support/random-ids.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());

/** 3 columns and 2 rows after one vector of the prompt; another vector follows. */
const grid = { cols: 3, rows: 2, start: 1 };
const vectors = 8;
const firstOfSecondRow = { x0: 0, y0: 0.5, x1: 1 / 3, y1: 1 };
const lastOfFirstRow = { x0: 2 / 3, y0: 0, x1: 1, y1: 0.5 };
const lowerHalf = { x0: 0, y0: 0.6, x1: 1, y1: 0.9 };

/** A document with a page of patch ids, one of random ids, one with a single id, and the same in a neighbour. */
async function documentWithPages() {
  const [docId, neighbour] = [await createDocument(db()), await createDocument(db())];
  const pagesOf = (id: number) => [
    { docId: id, page: 1, grid, vectorIds: patchVectorIds({ docId: id, page: 1, count: vectors }) },
    { docId: id, page: 2, grid, vectorIds: randomVectorIds(vectors) },
    { docId: id, page: 3, grid, vectorIds: randomVectorIds(1) },
  ];
  const pages = pagesOf(docId);
  await repository().upsertPages([...pages, ...pagesOf(neighbour)]);
  const [patchIds = [], randomIds = [], [pageId = ''] = []] = pages.map((page) => page.vectorIds);
  return { docId, patchIds, randomIds, pageId };
}

test('hits of pages with many ids and with one id get their page, patch and box', async () => {
  const { docId, patchIds, randomIds, pageId } = await documentWithPages();
  const hits = [
    { vectorId: patchIds[4] as string, score: 0.5, queryToken: 0 },
    { vectorId: randomIds[3] as string, score: 0.9, queryToken: 0 },
    { vectorId: pageId, score: 0.7, queryToken: 0, offset: 4 },
    { vectorId: patchIds[3] as string, score: 0.8, queryToken: 1 },
  ];
  const hit = (index: number, patch: number, box: object) => ({ ...hits[index], patch, box });
  expect(await repository().resolveHits(hits)).toEqual({
    pages: [
      {
        ...{ docId, page: 1, grid, score: 1.3 },
        hits: [hit(3, 3, lastOfFirstRow), hit(0, 4, firstOfSecondRow)],
      },
      { docId, page: 2, grid, score: 0.9, hits: [hit(1, 3, lastOfFirstRow)] },
      { docId, page: 3, grid, score: 0.7, hits: [hit(2, 4, firstOfSecondRow)] },
    ],
    unknown: [],
  });
});

test('resolved pages have what a similarity map needs', async () => {
  const { patchIds } = await documentWithPages();
  const hits = [{ vectorId: patchIds[4] as string, score: 0.5 }];
  const [page] = (await repository().resolveHits(hits)).pages;
  const scores = page?.hits.flatMap(({ patch, score }) =>
    patch === undefined ? [] : [{ patch, score }],
  );
  const map = similarityMap(page?.grid ?? { cols: 1, rows: 1, start: 0 }, scores ?? []);
  expect([...map.values]).toEqual([NaN, NaN, NaN, 0.5, NaN, NaN]);
});

test('ids that no page has are left out and reported once', async () => {
  const { patchIds } = await documentWithPages();
  const known = { vectorId: patchIds[0] as string, score: 0.1 };
  const lost = { vectorId: 'lost', score: 0.9 };
  const { pages, unknown } = await repository().resolveHits([lost, known, lost]);
  expect(pages).toMatchObject([{ page: 1, hits: [known] }]);
  expect(unknown).toEqual(['lost']);
  expect(await repository().resolveHits([lost])).toEqual({ pages: [], unknown: ['lost'] });
  expect(await repository().resolveHits([])).toEqual({ pages: [], unknown: [] });
});

test('an id that the store spells in another way finds its page', async () => {
  const { docId, patchIds, pageId } = await documentWithPages();
  const vectorIds = [patchIds[2] as string, pageId].map((id) =>
    id.replaceAll('-', '').toUpperCase(),
  );
  const hits = vectorIds.map((vectorId) => ({ vectorId, score: 1 }));
  const { pages } = await repository().resolveHits(hits);
  expect(pages).toMatchObject([
    { docId, page: 1, hits: [{ vectorId: vectorIds[0], patch: 2 }] },
    { docId, page: 3, hits: [{ vectorId: vectorIds[1] }] },
  ]);
});

test('a hit has no box if its vector is not a patch, if no offset says which one it is, or without a grid', async () => {
  const { patchIds, pageId } = await documentWithPages();
  const docId = await createDocument(db());
  await repository().upsertPage({ docId, page: 1, vectorIds: ['without', 'a grid'] });
  const hits = [patchIds[0] as string, pageId, 'a grid'].map((vectorId) => ({
    vectorId,
    score: 1,
  }));
  const { pages } = await repository().resolveHits(hits);
  expect(
    pages.map((page) => [page.page, page.grid, page.hits[0]?.patch, page.hits[0]?.box]),
  ).toEqual([
    [1, grid, 0, undefined],
    [3, grid, undefined, undefined],
    [1, null, 1, undefined],
  ]);
});

test('hits keep other fields, and the caller may change them while the pages are looked up', async () => {
  const { patchIds } = await documentWithPages();
  const hit = { vectorId: patchIds[1] as string, score: 0.5, payload: { colour: 'red' } };
  const resolved = repository().resolveHits([hit]);
  hit.score = Number.NaN;
  expect((await resolved).pages[0]?.hits).toMatchObject([
    { score: 0.5, patch: 1, payload: { colour: 'red' } },
  ]);
});

test('the ids in a box come in patch order, from pages of every kind', async () => {
  const { docId, patchIds, randomIds, pageId } = await documentWithPages();
  const inBox = (page: number, box = lowerHalf) =>
    repository().findVectorIdsInBox(docId, page, box);
  expect(await inBox(1)).toEqual(patchIds.slice(4, 7));
  expect(await inBox(2)).toEqual(randomIds.slice(4, 7));
  expect(await inBox(3)).toEqual([pageId]);
  expect(await inBox(1, { x0: 0.1, y0: 0, x1: 0.2, y1: 1 })).toEqual([patchIds[1], patchIds[4]]);
  expect(await inBox(1, { x0: 0, y0: 0, x1: 1, y1: 1 })).toEqual(patchIds.slice(1, 7));
  expect(await inBox(2, { x0: 0.9, y0: 0.1, x1: 0.9, y1: 0.1 })).toEqual([randomIds[3]]);
});

test('no id is in a box outside the page, and the ids are undefined if the page or its grid is unknown', async () => {
  const { docId } = await documentWithPages();
  const outside = { x0: 1, y0: 0, x1: 2, y1: 1 };
  for (const page of [1, 2, 3]) {
    expect(await repository().findVectorIdsInBox(docId, page, outside)).toEqual([]);
  }
  await repository().upsertPage({ docId, page: 4, vectorIds: ['without', 'a grid'] });
  expect(await repository().findVectorIdsInBox(docId, 4, lowerHalf)).toBeUndefined();
  expect(await repository().findVectorIdsInBox(docId, 5, lowerHalf)).toBeUndefined();
});

test('a grid that this version cannot read counts as unknown', async () => {
  const docId = await createDocument(db());
  const ids = [`${docId}-a`, `${docId}-b`];
  await insertStoredPage(db(), docId, 1, JSON.stringify(ids));
  const setGrid = (stored: string) =>
    execute(db(), `update vectors set grid = '${stored}' where doc_id = ${docId}`);
  const hits = [{ vectorId: ids[1] as string, score: 1 }];

  await setGrid('{"cols": 2, "rows": 1, "start": 0, "kept": [1]}');
  expect((await repository().resolveHits(hits)).pages).toEqual([
    { docId, page: 1, score: 1, grid: null, hits: [{ ...hits[0], patch: 1 }] },
  ]);
  expect(await repository().findVectorIdsInBox(docId, 1, lowerHalf)).toBeUndefined();

  await setGrid('{"cols": 2, "rows": 2, "start": 1}');
  expect(await repository().findVectorIdsInBox(docId, 1, { x0: 0, y0: 0, x1: 1, y1: 1 })).toEqual([
    ids[1],
  ]);
});
