import { describe, expect, test } from 'vitest';
import { type Hit, type HitPlace, rankPages } from '../../../src/page/index.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

const grid = { cols: 2, rows: 4, start: 1 };
const onPage = (page: number, patch: number): HitPlace => ({
  ...{ docId: 7, page, patch, idCount: 9, grid },
});
const hit = (vectorId: string, score: number, queryToken?: number): Hit => ({
  ...{ vectorId, score },
  ...(queryToken === undefined ? {} : { queryToken }),
});
const scoresOf = (...args: Parameters<typeof rankPages>) =>
  rankPages(...args).map(({ page, score }) => [page, score]);

test('a page scores the sum over query tokens of its best hit', () => {
  const hits = [hit('a', 4, 0), hit('b', 3, 0), hit('c', 2, 0), hit('d', 8, 1), hit('e', 1, 1)];
  const places = [1, 1, 2, 2, 1].map((page) => onPage(page, 1));
  expect(scoresOf(hits, places)).toEqual([
    [2, 10],
    [1, 5],
  ]);
});

test('hits without a query token count as one token', () => {
  expect(
    scoresOf([hit('a', 4), hit('b', 3), hit('c', 5)], [onPage(1, 1), onPage(1, 2), onPage(2, 1)]),
  ).toEqual([
    [2, 5],
    [1, 4],
  ]);
});

test('pages of different documents are different pages', () => {
  const places = [onPage(1, 1), { ...onPage(1, 1), docId: 8 }];
  expect(rankPages([hit('a', 1), hit('b', 2)], places)).toMatchObject([
    { docId: 8, page: 1, score: 2 },
    { docId: 7, page: 1, score: 1 },
  ]);
});

test('pages with equal scores stay in the order of their hits', () => {
  const places = [3, 1, 2].map((page) => onPage(page, 1));
  const pages = rankPages([hit('a', 1), hit('b', 1), hit('c', 1)], places);
  expect(pages.map(({ page }) => page)).toEqual([3, 1, 2]);
});

test('with negative distances, a page without a hit of a token does not win', () => {
  // Page 2 has no hit of token 1, so none that is better than -0.9.
  const hits = [hit('a', -0.2, 0), hit('b', -0.3, 0), hit('c', -0.5, 1), hit('d', -0.9, 1)];
  const places = [onPage(1, 1), onPage(2, 1), onPage(1, 2), undefined];
  const [first, second] = rankPages(hits, places);
  expect([first?.page, second?.page]).toEqual([1, 2]);
  expect(first?.score).toBeCloseTo(-0.7);
  expect(second?.score).toBeCloseTo(-1.2);
});

test('hits that are on no page are left out', () => {
  expect(rankPages([hit('a', 1), hit('b', 2)], [undefined, onPage(3, 1)])).toHaveLength(1);
  expect(rankPages([], [])).toEqual([]);
});

describe('a hit', () => {
  const only = (found: Hit, place: HitPlace) => rankPages([found], [place])[0]?.hits[0];

  test('has the patch and its box', () => {
    expect(only(hit('a', 1, 0), onPage(1, 4))).toEqual({
      ...{ vectorId: 'a', score: 1, queryToken: 0, patch: 4 },
      box: { x0: 0.5, y0: 0.25, x1: 1, y1: 0.5 },
    });
  });

  test('has no box if it is not a patch, or if the grid is unknown', () => {
    expect(only(hit('a', 1), onPage(1, 0))).toEqual({ vectorId: 'a', score: 1, patch: 0 });
    const withoutGrid = { ...onPage(1, 4), grid: null };
    expect(only(hit('a', 1), withoutGrid)).toEqual({ vectorId: 'a', score: 1, patch: 4 });
  });

  test('on a page with one id is the vector of its offset', () => {
    const place = { ...onPage(1, 0), idCount: 1 };
    expect(only({ ...hit('a', 1), offset: 4 }, place)).toMatchObject({
      ...{ patch: 4, box: { x0: 0.5, y0: 0.25 } },
    });
  });

  test('on a page with one id has no place without an offset', () => {
    const place = { ...onPage(1, 0), idCount: 1 };
    expect(only(hit('a', 1), place)).toEqual({ vectorId: 'a', score: 1 });
    // Unless the page has only one vector.
    const single = { ...place, grid: { cols: 1, rows: 1, start: 0 } };
    expect(only(hit('a', 1), single)).toMatchObject({ patch: 0, box: { x1: 1, y1: 1 } });
  });

  test('comes first if it is the best one of its page', () => {
    const places = [onPage(1, 1), onPage(1, 2), onPage(1, 3)];
    const [page] = rankPages([hit('a', 1), hit('b', 3), hit('c', 2)], places);
    expect(page?.hits.map(({ vectorId }) => vectorId)).toEqual(['b', 'c', 'a']);
  });
});

test.each<[string, unknown[], (string | number)[]]>([
  ['hits that are not an array', ['a', []], ['hits']],
  ['fewer places than hits', [[hit('a', 1)], []], ['places']],
  ['a hit without id', [[{ score: 1 }], [undefined]], ['hits', 0, 'vectorId']],
  ['a score that is not a number', [[hit('a', Number.NaN)], [undefined]], ['hits', 0, 'score']],
  ['a page below 1', [[hit('a', 1)], [onPage(0, 1)]], ['places', 0, 'page']],
  [
    'no number of ids',
    [[hit('a', 1)], [{ docId: 1, page: 1, patch: 0 }]],
    ['places', 0, 'idCount'],
  ],
  [
    'an invalid grid',
    [[hit('a', 1)], [{ ...onPage(1, 1), grid: { cols: 0, rows: 1, start: 0 } }]],
    ['places', 0, 'grid', 'cols'],
  ],
])('rejects %s', (_, args, path) => {
  expectInvalid(() => rankPages(...(args as Parameters<typeof rankPages>)), path);
});
