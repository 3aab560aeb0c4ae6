import { expect, test } from 'vitest';
import { gridOf, vectorCounts } from '../../../src/page/index.ts';

/** The columns of the table below. */
const columns = {
  ColQwen2: { model: 'vidore/colqwen2-v1.0', options: {} },
  'ColQwen2.5': { model: 'vidore/colqwen2.5-v0.2', options: {} },
  'ColQwen2.5, at least 256 vectors': {
    model: 'vidore/colqwen2.5-v0.2',
    options: { minPixels: 256 * 28 * 28 },
  },
  'ColQwen3, 1280 vectors': { model: 'TomoroAI/tomoro-colqwen3-embed-4b', options: {} },
  'webAI, 1792 vectors': { model: 'webAI-Official/webAI-ColVec1.1-4b', options: {} },
  'Argus, 2048 vectors': { model: 'DataScience-UIBK/Argus-Colqwen3.5-4b-v0', options: {} },
  'Qwen3-VL': { model: 'OpenSearch-AI/Ops-Colqwen3-4B', options: {} },
  Idefics3: { model: 'vidore/colSmol-256M', options: { imageOnly: true } },
  NVIDIA: { model: 'nvidia/llama-nemoretriever-colembed-1b-v1', options: { imageOnly: true } },
} as const;

// One row a page: width, height, then cols x rows for each column above.
const table = `
   595   842   21x30  21x30  21x30   19x26  19x26  19x26   19x26  24x32  32x48
  1240  1754   23x32  23x32  23x32   30x42  35x50  38x53   39x55  24x32  32x48
  1654  2339   23x32  23x32  23x32   30x42  35x50  38x53   52x73  24x32  32x48
  2480  3508   23x32  23x32  23x32   30x42  35x50  38x53  78x110  24x32  32x48
  1700  2200   24x31  24x31  24x31   31x40  37x48  39x51   53x69  32x32  32x48
  2550  3300   24x31  24x31  24x31   31x40  37x48  39x51  80x103  32x32  32x48
  2200  1700   31x24  31x24  31x24   40x31  48x37  51x39   69x53  32x32  48x32
  1920  1080   36x20  36x20  36x20   47x26  56x31  60x34   60x34  32x24  48x32
  1024  1024   27x27  27x27  27x27   32x32  32x32  32x32   32x32  32x32  32x32
    28    28     2x2    2x2  16x16     8x8    8x8    8x8     8x8  32x32  16x16
  5000  5000   27x27  27x27  27x27   35x35  42x42  45x45 128x128  32x32  32x32`;

const cases = table
  .trim()
  .split('\n')
  .flatMap((line) => {
    const [width, height, ...grids] = line.trim().split(/ +/);
    return Object.entries(columns).map(([name, column], index) => ({
      ...column,
      name,
      page: { width: Number(width), height: Number(height) },
      expected: grids[index],
    }));
  });

test.each(cases)(
  '$name: a page of $page.width x $page.height has a grid of $expected',
  ({ model, page, options, expected }) => {
    const grid = gridOf(model, page, options);
    expect(`${grid?.cols}x${grid?.rows}`).toBe(expected);
  },
);

test.each([
  ['vidore/colqwen2.5-v0.2', { width: 1700, height: 2200 }, [755]],
  ['vidore/colqwen2-v1.0', { width: 595, height: 842 }, [641]],
  ['vidore/colqwen2-v1.0', { width: 28, height: 28 }, [15]],
  ['vidore/colqwen2.5-v0.2', { width: 1920, height: 1080 }, [731]],
  ['vidore/colpali-v1.3', { width: 1240, height: 1754 }, [1030, 1031]],
])('%s returns for the page %o this number of vectors: %j', (model, page, expected) => {
  expect(vectorCounts(model, page)).toEqual(expected);
  for (const vectors of expected) expect(gridOf(model, page, { vectors })).toBeDefined();
});

test.each([
  ['vidore/colSmol-256M', 24 * 32 + 64],
  ['vidore/colqwen2.5-v0.2', 23 * 32],
  ['nvidia/llama-nemoretriever-colembed-1b-v1', 6 * 256],
])('%s returns for an A4 page this number of vectors of the image: %i', (model, expected) => {
  const page = { width: 1240, height: 1754 };
  expect(vectorCounts(model, page, { imageOnly: true })).toEqual([expected]);
});

test('the number of vectors is unknown if the prompt after the image is, or if the server sets the start', () => {
  const page = { width: 1240, height: 1754 };
  expect(vectorCounts('nvidia/nemotron-colembed-vl-4b-v2', page)).toBeUndefined();
  expect(vectorCounts('vidore/colqwen2.5-v0.2', page, { start: 15 })).toBeUndefined();
  expect(vectorCounts('jina-embeddings-v4', page)).toBeUndefined();
});

test('ColPali has the same grid for every page', () => {
  for (const page of [
    { width: 1, height: 1 },
    { width: 5000, height: 7 },
  ]) {
    expect(gridOf('vidore/colpali-v1.3', page)).toEqual({ cols: 32, rows: 32, start: 0 });
  }
});

test('ColGemma3 has 256 patches', () => {
  const grid = gridOf('ColNetraEmbed', { width: 595, height: 842 }, { start: 6 });
  expect(grid).toEqual({ cols: 16, rows: 16, start: 6 });
});

test('Pixtral has a vector after each row', () => {
  const model = 'VAGOsolutions/SauerkrautLM-ColMinistral3-3b-v0.1';
  const page = { width: 1240, height: 1754 };
  expect(gridOf(model, page, { start: 3 })).toEqual({
    cols: 39,
    rows: 55,
    start: 3,
    rowStride: 40,
  });
  expect(gridOf(model, page, { imageOnly: true })).toEqual({ cols: 39, rows: 55, start: 0 });
  // Nothing is enlarged; both edges are rounded up to whole patches.
  expect(gridOf(model, { width: 29, height: 28 }, { start: 0 })).toMatchObject({
    cols: 2,
    rows: 1,
  });
  expect(gridOf(model, page, { start: 0, longestEdge: 1024 })).toMatchObject({
    cols: 26,
    rows: 37,
  });
});

test('Idefics3 has two markers before each tile and a newline after each row of tiles', () => {
  expect(gridOf('vidore/colSmol-500M', { width: 1240, height: 1754 })).toEqual({
    ...{ cols: 24, rows: 32, start: 5, tile: { cols: 8, rows: 8 } },
    ...{ tileStride: 66, tileRowGap: 1 },
  });
  // A page that is one tile is not cut.
  const small = gridOf('vidore/colSmol-500M', { width: 1240, height: 1754 }, { longestEdge: 512 });
  expect(small).toEqual({ cols: 8, rows: 8, start: 5 });
});

test("NVIDIA's tiles follow each other, and the thumbnail comes last", () => {
  const model = 'nvidia/llama-nemoretriever-colembed-3b-v1';
  const page = { width: 1240, height: 1754 };
  const grid = { cols: 32, rows: 48, start: 7, tile: { cols: 16, rows: 16 } };
  expect(gridOf(model, page, { start: 7 })).toEqual(grid);
  const withThumbnail = { imageOnly: true, thumbnail: true };
  expect(vectorCounts(model, page, withThumbnail)).toEqual([7 * 256]);
  expect(vectorCounts(model, { width: 28, height: 28 }, withThumbnail)).toEqual([256]);
  expect(gridOf(model, page, { start: 0, maxTiles: 2 })).toMatchObject({ cols: 16, rows: 32 });
  // Smaller tiles: four of them have less than 0.6 of the area of this page.
  expect(gridOf(model, { width: 1100, height: 1000 }, { start: 0 })).toMatchObject({ cols: 32 });
});
