import { requireArray, requireNumber, requireObject, requireString } from '../require.ts';
import { escapeMarkup } from './escape.ts';
import type { SimilarityMap } from './similarity-map.ts';
import { type SimilarityMapSvgOptions, similarityMapSvg } from './similarity-map-svg.ts';

/** A page in a report. Its image should be a data URL, so that the report needs no other file. */
export interface ReportPage extends SimilarityMapSvgOptions {
  /** The heading, for example the document's name and the number of the page. */
  title: string;
  map: SimilarityMap;
  score?: number | undefined;
}

/** The texts of a report. */
export interface ReportOptions {
  /** The heading of the report, for example the query. {@defaultValue Where on the page} */
  title?: string | undefined;
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem; color: #222; background: #f4f4f4; }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(20rem, 1fr)); gap: 2rem; }
section { background: #fff; padding: 1rem; }
h2 { font-size: 1rem; margin: 0 0 .5rem; overflow-wrap: anywhere; }
svg { display: block; width: 100%; height: auto; }
`;

/**
 * Writes an HTML document that shows where several pages answer a query, in the order given.
 *
 * @throws {InvalidInputError} An argument is not valid.
 * @example
 * reportHtml([{ title: 'Annual report, page 3', score: 12.5, map, image, width: 1240, height: 1754 }]);
 */
export function reportHtml(pages: readonly ReportPage[], options: ReportOptions = {}): string {
  requireArray(pages, ['pages']);
  requireObject(options, ['options']);
  const { title = 'Where on the page' } = options;
  requireString(title, ['options', 'title']);
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${escapeMarkup(title)}</title>
<style>${style}</style>
<h1>${escapeMarkup(title)}</h1>
<main>
${pages.map(drawPage).join('\n')}
</main>
</html>
`;
}

function drawPage(page: ReportPage, index: number): string {
  requireObject(page, ['pages', index]);
  const { title, map, score } = page;
  requireString(title, ['pages', index, 'title']);
  if (score !== undefined) requireNumber(score, ['pages', index, 'score']);
  const heading = score === undefined ? title : `${title}, score ${Number(score.toPrecision(4))}`;
  return `<section><h2>${escapeMarkup(heading)}</h2>${similarityMapSvg(map, page)}</section>`;
}
