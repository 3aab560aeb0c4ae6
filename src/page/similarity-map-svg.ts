import { InvalidInputError } from '../errors.ts';
import { requireArray, requireNumber, requireObject, requireString } from '../require.ts';
import { type Box, requireBox, requireSize } from './boxes.ts';
import { escapeMarkup } from './escape.ts';
import { colourOf } from './palette.ts';
import { requireMap, type SimilarityMap } from './similarity-map.ts';

/** How a map is drawn. */
export interface SimilarityMapSvgOptions {
  /** The size of the drawing: the size of the page's image in pixels. */
  width: number;
  height: number;
  /** The page's image: a data URL, or a URL that the viewer can load. {@defaultValue a white page} */
  image?: string | undefined;
  /** Boxes to outline, in the unit of the page, such as those of `regionsOf`. */
  boxes?: readonly Box[] | undefined;
  /** What the map shows, for screen readers and as a tooltip. {@defaultValue Similarity map} */
  title?: string | undefined;
  /** The values of the darkest and the lightest colour. {@defaultValue the lowest and the highest of the map} */
  min?: number | undefined;
  max?: number | undefined;
  /** How much the colours cover the image, from 0 to 1. {@defaultValue 0.55} */
  opacity?: number | undefined;
}

/** Colours are rounded to this many, so that patches of one colour can share a rectangle. */
const levels = 64;

/**
 * Draws a map over the page, with a legend below it, as an SVG document that needs nothing else. The page looks lit
 * where it answers the query, and dark elsewhere. Patches with unknown values stay uncovered.
 *
 * @throws {InvalidInputError} An argument is not valid.
 */
export function similarityMapSvg(map: SimilarityMap, options: SimilarityMapSvgOptions): string {
  requireMap(map);
  checkOptions(options);
  const { width, height, image, boxes = [], title = 'Similarity map', opacity = 0.55 } = options;
  const scale = scaleOf(map, options);
  const legend = Math.max(width, height) / 20;
  const size = `width="${width}" height="${height}"`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${number(height + legend)}"`,
    ` viewBox="0 0 ${width} ${number(height + legend)}" role="img">`,
    `<title>${escapeMarkup(title)}</title>`,
    `<rect width="${width}" height="${number(height + legend)}" fill="#ffffff"/>`,
    image === undefined
      ? ''
      : `<image href="${escapeMarkup(image)}" ${size} preserveAspectRatio="none"/>`,
    `<g opacity="${opacity}" shape-rendering="crispEdges">`,
    ...drawPatches(map, options, scale),
    '</g>',
    ...boxes.map((box) => drawBox(box, options)),
    drawLegend(scale, { width, y: height, height: legend, opacity }),
    '</svg>',
  ].join('');
}

/** The values of the darkest and the lightest colour; undefined if no value is known. */
type Scale = { min: number; max: number } | undefined;

function scaleOf({ values }: SimilarityMap, { min, max }: SimilarityMapSvgOptions): Scale {
  const known = values.filter((value) => !Number.isNaN(value));
  if (known.length === 0) return undefined;
  return {
    min: min ?? known.reduce((low, value) => Math.min(low, value)),
    max: max ?? known.reduce((high, value) => Math.max(high, value)),
  };
}

function* drawPatches(
  { cols, rows, values }: SimilarityMap,
  { width, height }: SimilarityMapSvgOptions,
  scale: Scale,
): Iterable<string> {
  if (scale === undefined) return;
  const levelAt = (row: number, col: number) => levelOf(values[row * cols + col] as number, scale);
  for (let row = 0; row < rows; row += 1) {
    let from = 0;
    for (let col = 1; col <= cols; col += 1) {
      const level = levelAt(row, from);
      if (col < cols && levelAt(row, col) === level) continue;
      if (level !== undefined) {
        const box = { x0: from / cols, y0: row / rows, x1: col / cols, y1: (row + 1) / rows };
        yield `<rect ${placeOnImage(box, { width, height })} fill="${colourOf(level / levels)}"/>`;
      }
      from = col;
    }
  }
}

function levelOf(value: number, { min, max }: NonNullable<Scale>): number | undefined {
  if (Number.isNaN(value)) return undefined;
  const share = max > min ? (value - min) / (max - min) : 1;
  return Math.round(Math.min(Math.max(share, 0), 1) * levels);
}

/** A dark line on a wider white one can be seen on every colour. */
function drawBox(box: Box, { width, height }: SimilarityMapSvgOptions): string {
  const line = Math.max(width, height) / 400;
  const place = placeOnImage(box, { width, height });
  return (
    `<rect ${place} fill="none" stroke="#ffffff" stroke-width="${number(line * 2.4)}"/>` +
    `<rect ${place} fill="none" stroke="#d4145a" stroke-width="${number(line * 1.2)}"/>`
  );
}

function drawLegend(
  scale: Scale,
  { width, y, height, opacity }: { width: number; y: number; height: number; opacity: number },
): string {
  const font = number(height * 0.5);
  const text = (x: number, anchor: string, content: string) =>
    `<text x="${number(x)}" y="${number(y + height * 0.7)}" font-family="sans-serif"` +
    ` font-size="${font}" text-anchor="${anchor}" fill="#222222">${escapeMarkup(content)}</text>`;
  if (scale === undefined) return text(width / 2, 'middle', 'no values');
  const [from, to] = [width * 0.2, width * 0.8];
  const step = (to - from) / levels;
  const bar = Array.from({ length: levels }, (_, level) => {
    const x = number(from + level * step);
    const fill = colourOf(level / (levels - 1));
    return `<rect x="${x}" y="${number(y + height * 0.3)}" width="${number(step)}" height="${number(height * 0.4)}" fill="${fill}"/>`;
  });
  const gap = width * 0.01;
  return [
    text(from - gap, 'end', label(scale.min)),
    // The same opacity as over the page, so that the colours look the same on white paper.
    `<g opacity="${opacity}">`,
    ...bar,
    '</g>',
    text(to + gap * 2, 'start', label(scale.max)),
  ].join('');
}

function placeOnImage(
  { x0, y0, x1, y1 }: Box,
  { width, height }: { width: number; height: number },
) {
  return (
    `x="${number(x0 * width)}" y="${number(y0 * height)}"` +
    ` width="${number((x1 - x0) * width)}" height="${number((y1 - y0) * height)}"`
  );
}

/** Hundredths of a pixel are fine enough. */
function number(value: number): number {
  return Number(value.toFixed(2));
}

function label(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function checkOptions(options: unknown): asserts options is SimilarityMapSvgOptions {
  requireObject(options, ['options']);
  const { width, height, image, boxes, title, min, max, opacity } =
    options as Partial<SimilarityMapSvgOptions>;
  requireSize({ width, height }, ['options']);
  if (image !== undefined) requireString(image, ['options', 'image']);
  if (title !== undefined) requireString(title, ['options', 'title']);
  for (const [name, value] of Object.entries({ min, max, opacity })) {
    if (value !== undefined) requireNumber(value, ['options', name]);
  }
  if (opacity !== undefined && (opacity < 0 || opacity > 1)) {
    throw new InvalidInputError(['options', 'opacity'], 'must be from 0 to 1');
  }
  if (boxes === undefined) return;
  requireArray(boxes, ['options', 'boxes']);
  boxes.forEach((box, index) => {
    requireBox(box, ['options', 'boxes', index]);
  });
}
