export {
  type Box,
  cssBox,
  type PdfPage,
  patchBox,
  patchesInBox,
  pdfBox,
  type Size,
} from './boxes.ts';
export {
  explainModel,
  type ModelExplanation,
  modelNames,
} from './find-model.ts';
export type { PatchGrid } from './grid.ts';
export {
  type EncoderGrid,
  type GridOptions,
  gridFromEncoder,
  gridOf,
  vectorCounts,
} from './grid-of.ts';
export type { Hit, HitOptions, StoreId } from './hits.ts';
export { hitsFrom, type QdrantResponse } from './hits-from.ts';
export type { PageSize } from './layouts.ts';
export {
  flattenVectors,
  type MaxSim,
  maxSim,
  type Similarities,
  similarities,
} from './max-sim.ts';
export type { Layout } from './models.ts';
export { columnMeans, rowMeans } from './pooling.ts';
export { type HitPlace, type RankedHit, type RankedPage, rankPages } from './rank-pages.ts';
export { type Region, type RegionOptions, regionsOf, relevanceOfRegions } from './regions.ts';
export { type ReportOptions, type ReportPage, reportHtml } from './report-html.ts';
export { type PatchScore, type SimilarityMap, similarityMap } from './similarity-map.ts';
export { type SimilarityMapSvgOptions, similarityMapSvg } from './similarity-map-svg.ts';
