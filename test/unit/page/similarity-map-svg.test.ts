import { describe, expect, test } from 'vitest';
import { regionsOf, reportHtml, similarityMap, similarityMapSvg } from '../../../src/page/index.ts';
import { colourOf } from '../../../src/page/palette.ts';
import { chromium, render } from '../../support/chromium.ts';
import { expectInvalid } from '../../support/expect-invalid.ts';

/** A page of 300 x 200 pixels with 6 x 4 patches of 50 pixels. The patch in column 4 and row 1 is the best. */
const size = { width: 300, height: 200 };
const grid = { cols: 6, rows: 4, start: 2 };
const values = Array.from({ length: 24 }, (_, at) => (at === 10 ? 1 : 0));
const map = similarityMap(
  grid,
  values.map((score, at) => ({ patch: at + 2, score })),
);
const boxes = regionsOf(map).map(({ box }) => box);
const centre = (row: number, col: number) => [col * 50 + 25, row * 50 + 25] as const;

test('the palette grows lighter from low to high', () => {
  expect([0, 1].map(colourOf)).toEqual(['#440154', '#fde725']);
  expect([-1, 2].map(colourOf)).toEqual(['#440154', '#fde725']);
  const lightness = Array.from({ length: 101 }, (_, at) => {
    const colour = Number.parseInt(colourOf(at / 100).slice(1), 16);
    return 0.21 * (colour >> 16) + 0.72 * ((colour >> 8) & 255) + 0.07 * (colour & 255);
  });
  expect(lightness).toEqual(lightness.toSorted((a, b) => a - b));
});

test('patches of one colour share a rectangle, and unknown ones have none', () => {
  const fillsOf = (svg: string) =>
    [...(/<g .*?<\/g>/.exec(svg)?.[0].matchAll(/<rect .*?fill="(.*?)"/g) ?? [])].map(
      ([, fill]) => fill,
    );
  const [low, high] = [colourOf(0), colourOf(1)];
  // Three rows of one colour; the second one has the best patch.
  expect(fillsOf(similarityMapSvg(map, size))).toEqual([low, low, high, low, low, low]);
  const sparse = similarityMap(grid, [{ patch: 3, score: 1 }]);
  expect(fillsOf(similarityMapSvg(sparse, size))).toEqual([high]);
  const unknown = similarityMapSvg(similarityMap(grid, []), size);
  expect(fillsOf(unknown)).toEqual([]);
  expect(unknown).toContain('no values');
});

test('the legend names the lowest and the highest value, or those given', () => {
  const textsOf = (svg: string) =>
    [...svg.matchAll(/<text .*?>(.*?)<\/text>/g)].map(([, text]) => text);
  const third = similarityMap(grid, [
    { patch: 2, score: -1 / 3 },
    { patch: 3, score: 2 / 3 },
  ]);
  expect(textsOf(similarityMapSvg(third, size))).toEqual(['-0.333', '0.667']);
  expect(textsOf(similarityMapSvg(third, { ...size, min: 0, max: 20 }))).toEqual(['0', '20']);
});

test('text and links are escaped', () => {
  const hostile = `</title><script>alert(1)</script>"'&\u0000\ud800`;
  const svg = similarityMapSvg(map, { ...size, title: hostile, image: `x"onload="alert(1)` });
  expect(svg).not.toContain('<script');
  expect(svg).toContain(
    '&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#39;&amp;\ufffd\ufffd</title>',
  );
  expect(svg).toContain('href="x&quot;onload=&quot;alert(1)"');
  const html = reportHtml([{ ...size, map, title: hostile }], { title: hostile });
  expect(html).not.toContain('<script');
  expect(html).not.toContain('\0');
});

describe('similarityMapSvg rejects', () => {
  test.each<[string, unknown, (string | number)[]]>([
    ['no size', undefined, ['options']],
    ['a size without height', { width: 3 }, ['options', 'height']],
    ['a box without edges', { ...size, boxes: [{}] }, ['options', 'boxes', 0, 'x0']],
    ['an image that is not text', { ...size, image: 1 }, ['options', 'image']],
    ['an opacity above 1', { ...size, opacity: 2 }, ['options', 'opacity']],
    ['a scale that is text', { ...size, max: '1' }, ['options', 'max']],
  ])('%s', (_, options, path) => {
    expectInvalid(() => similarityMapSvg(map, options as typeof size), path);
  });

  test('a map of another shape', () => {
    expectInvalid(() => similarityMapSvg({ ...map, cols: 5 }, size), ['map', 'values']);
  });
});

test('reportHtml rejects a page without a title, or a score that is not a number', () => {
  expectInvalid(() => reportHtml([{ ...size, map } as never]), ['pages', 0, 'title']);
  expectInvalid(
    () => reportHtml([{ ...size, map, title: '', score: Number.NaN }]),
    ['pages', 0, 'score'],
  );
  expectInvalid(() => reportHtml('pages' as never), ['pages']);
});

describe.skipIf(chromium === undefined)('in Chromium', () => {
  // Blue on the left half of the page and red on the right half.
  const image = `data:image/svg+xml;base64,${btoa(
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 6 4" preserveAspectRatio="none"
      ><rect width="3" height="4" fill="#0000ff"/><rect x="3" width="3" height="4" fill="#ff0000"/></svg>`,
  )}`;

  test('the best patch has the lightest colour, and every other patch the darkest', () => {
    const pixel = render(similarityMapSvg(map, { ...size, opacity: 1 }), { type: 'svg', ...size });
    for (let row = 0; row < 4; row += 1) {
      for (let col = 0; col < 6; col += 1) {
        const isBest = row === 1 && col === 4;
        expect(pixel(...centre(row, col)), `row ${row}, column ${col}`).toEqual(
          isBest ? [253, 231, 37] : [68, 1, 84],
        );
      }
    }
  });

  test('the outline lies where the region is', () => {
    const large = { width: 1200, height: 800 };
    const pixel = render(similarityMapSvg(map, { ...large, boxes }), { type: 'svg', ...large });
    // Along a line across the region and along one down it, the outline is met at its two edges only.
    const across = Array.from({ length: 1200 }, (_, x) => x).filter((x) =>
      isOutline(pixel(x, 300)),
    );
    const down = Array.from({ length: 800 }, (_, y) => y).filter((y) => isOutline(pixel(900, y)));
    for (const [found, edges] of [
      [across, [800, 1000]],
      [down, [200, 400]],
    ] as const) {
      const nearest = found.map((at) => edges.findIndex((edge) => Math.abs(at - edge) <= 3));
      expect(new Set(nearest)).toEqual(new Set([0, 1]));
    }
  });

  test('the image shows through, and fills the page', () => {
    const pixel = render(similarityMapSvg(map, { ...size, image, opacity: 0.25 }), {
      ...{ type: 'svg' as const, ...size },
    });
    for (const row of [0, 3]) {
      expect(pixel(...centre(row, 0))[2], 'blue on the left').toBeGreaterThan(200);
      expect(pixel(...centre(row, 5))[0], 'red on the right').toBeGreaterThan(200);
    }
  });

  test('a report shows each page, and needs no other file', () => {
    const pages = ['first', 'second'].map((title) => ({
      ...size,
      map,
      image,
      boxes,
      title,
      score: 2,
    }));
    const html = reportHtml(pages, { title: 'invoice total' });
    expect(html.match(/(?:src|href)="(?!data:)/)).toBeNull();
    const pixel = render(html, { type: 'html', width: 900, height: 500 });
    const white = [255, 255, 255];
    // Both pages lie side by side: neither column is empty.
    for (const x of [200, 650]) {
      const column = Array.from({ length: 300 }, (_, y) => pixel(x, 100 + y));
      expect(
        column.some((colour) => distance(colour, white) > 200),
        `x ${x}`,
      ).toBe(true);
    }
  });

  function isOutline(colour: readonly number[]): boolean {
    return distance(colour, [212, 20, 90]) < 30;
  }

  function distance(a: readonly number[], b: readonly number[]): number {
    return Math.hypot(...a.map((value, at) => value - (b[at] as number)));
  }
});
