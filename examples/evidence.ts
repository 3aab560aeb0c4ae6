/**
 * Ingests the four pages of demo-pages/, asks a question, and finds the page and the part of the page that answer it.
 *
 * demo.ts, pgvector-pages.ts and stores/lancedb-pages.ts run it on three stores.
 */
import type { VectorRepository } from '../src/index.ts';
import {
  type Box,
  flattenVectors,
  type Hit,
  regionsOf,
  reportHtml,
  type SimilarityMap,
  similarities,
  similarityMap,
} from '../src/page/index.ts';
import { drawPages, pageSize } from './page-drawing.ts';
import { dimensions, embedPage, embedQuestion, grid } from './page-embedding.ts';

/** The vectors of a page under its ids: one id for each vector, or one for all of them. */
export interface StoredPage {
  vectorIds: readonly string[];
  vectors: number[][];
}

/** What the example needs from a vector store. */
export interface PageStore {
  write(page: StoredPage): Promise<unknown>;
  /** The hits of a query, which has one vector for each of its tokens. */
  search(tokens: number[][]): Promise<Hit[]>;
  /** All vectors of a page, in patch order. */
  read(vectorIds: readonly string[]): Promise<number[][]>;
}

export interface Evidence {
  page: number;
  score: number;
  title: string;
  /** The part of the page that answers the question, in the unit of the page. */
  box: Box;
  /** The same in pixels of the page's image. */
  crop: { x: number; y: number; width: number; height: number };
  /** How many vectors of the page lie in the box or overlap it. */
  vectorsInBox: number;
  /** All pages with their hits, the best first, as an HTML document. */
  report: string;
}

export const question = 'What is the energy consumption per site?';

/** Records the pages and writes their vectors to the store. */
export async function ingestReport(
  repository: VectorRepository,
  store: PageStore,
  docId: number,
  idsOf: (page: number, vectors: number) => string[],
): Promise<void> {
  for (const [index, drawn] of drawPages().entries()) {
    const page = index + 1;
    const vectors = embedPage(drawn);
    const vectorIds = idsOf(page, vectors.length);
    await repository.ingest([{ docId, page, vectorIds, grid }], () =>
      store.write({ vectorIds, vectors }),
    );
  }
}

/** Finds the page that answers the question, and where on the page. */
export async function findEvidence(
  repository: VectorRepository,
  store: PageStore,
): Promise<Evidence> {
  const tokens = embedQuestion(question);
  const { pages } = await repository.resolveHits(await store.search(tokens));

  const maps: SimilarityMap[] = [];
  for (const { docId, page } of pages) {
    const vectorIds = (await repository.findByPage(docId, page))?.vectorIds ?? [];
    const vectors = flattenVectors(await store.read(vectorIds));
    maps.push(similarityMap(grid, similarities(flattenVectors(tokens), vectors, dimensions)));
  }

  const [best] = pages;
  const [region] = maps[0] ? regionsOf(maps[0], { minPatches: 4 }) : [];
  if (best === undefined || region === undefined) throw new Error('no page answers the question');
  const { docId, page, score } = best;
  const { box } = region;
  const drawings = drawPages();
  const titleOf = (number: number) => drawings[number - 1]?.title ?? '';
  // One scale for all pages, so that only the best one is bright.
  const [min, max] = [0, Math.max(...maps.flatMap(({ values }) => [...values]))];
  return {
    ...{ page, score, title: titleOf(page), box, crop: inPixels(box) },
    vectorsInBox: (await repository.findVectorIdsInBox(docId, page, box))?.length ?? 0,
    report: reportHtml(
      pages.map(({ page: number, score: ofPage }, rank) => ({
        title: `Page ${number}: ${titleOf(number)}`,
        score: ofPage,
        map: maps[rank] as SimilarityMap,
        boxes: rank === 0 ? [box] : [],
        image: asDataUrl(drawings[number - 1]?.svg ?? ''),
        ...{ min, max, ...pageSize },
      })),
      { title: question },
    ),
  };
}

function inPixels({ x0, y0, x1, y1 }: Box): Evidence['crop'] {
  const { width, height } = pageSize;
  const [x, y] = [Math.round(x0 * width), Math.round(y0 * height)];
  return { x, y, width: Math.round(x1 * width) - x, height: Math.round(y1 * height) - y };
}

function asDataUrl(svg: string): string {
  return `data:image/svg+xml;base64,${Buffer.from(svg).toString('base64')}`;
}
