/** Draws the pages in demo-pages/ as SVG, and says where each word is. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Box } from '../src/page/index.ts';

/** A4 at 150 dpi, in pixels. */
export const pageSize = { width: 1240, height: 1754 };

const margin = 110;
const right = pageSize.width - margin;

/** A page as its file describes it. */
interface PageContent {
  title: string;
  blocks: Block[];
}

type Block = { kind: 'heading'; text: string } | { kind: 'text'; text: string } | Table | Chart;

interface Table {
  kind: 'table';
  caption: string;
  columns: string[];
  rows: string[][];
}

interface Chart {
  kind: 'chart';
  caption: string;
  unit: string;
  bars: [string, number][];
}

/** Text and where it is, in pixels. */
export interface PlacedText {
  text: string;
  box: Box;
}

export interface DrawnPage {
  title: string;
  svg: string;
  words: PlacedText[];
  /** The tables and charts by their captions. */
  figures: PlacedText[];
}

/** The pages of the report, in order. */
export function drawPages(): DrawnPage[] {
  const folder = new URL('demo-pages/', import.meta.url);
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .map((name) => drawPage(JSON.parse(readFileSync(new URL(name, folder), 'utf8'))));
}

function drawPage({ title, blocks }: PageContent): DrawnPage {
  const pen = new Pen();
  pen.paragraph(title, { size: 52, bold: true });
  for (const block of blocks) {
    if (block.kind === 'heading') pen.paragraph(block.text, { size: 36, bold: true });
    else if (block.kind === 'text') pen.paragraph(block.text, { size: 31 });
    else pen.figure(block.caption, () => drawFigure(pen, block));
  }
  return { title, svg: pen.svg(), words: pen.words, figures: pen.figures };
}

function drawFigure(pen: Pen, figure: Table | Chart): void {
  if (figure.kind === 'table') drawTable(pen, figure);
  else drawChart(pen, figure);
}

function drawTable(pen: Pen, { columns, rows }: Table): void {
  const rowHeight = 58;
  const width = (right - margin) / columns.length;
  for (const [index, cells] of [columns, ...rows].entries()) {
    const isHead = index === 0;
    pen.rect(
      { x0: margin, y0: pen.y, x1: right, y1: pen.y + rowHeight },
      isHead ? '#dfe6ee' : index % 2 === 0 ? '#f5f7fa' : '#ffffff',
    );
    for (const [col, cell] of cells.entries()) {
      pen.line(cell, { x: margin + 16 + col * width, y: pen.y + 39, size: 29, bold: isHead });
    }
    pen.y += rowHeight;
  }
}

function drawChart(pen: Pen, { unit, bars }: Chart): void {
  const height = 430;
  const base = pen.y + height;
  const most = Math.max(...bars.map(([, value]) => value));
  const width = (right - margin - 40) / bars.length;
  for (const share of [0.25, 0.5, 0.75, 1]) {
    const y = base - share * (height - 60);
    pen.rect({ x0: margin, y0: y, x1: right, y1: y + 2 }, '#e2e2e2');
  }
  pen.line(unit, { x: margin, y: pen.y + 20, size: 26 });
  for (const [index, [label, value]] of bars.entries()) {
    const x0 = margin + 40 + index * width;
    const y0 = base - (value / most) * (height - 60);
    pen.rect({ x0, y0, x1: x0 + width * 0.6, y1: base }, '#3d6fa5');
    pen.line(String(value), { x: x0 + 8, y: y0 - 8, size: 26 });
    pen.line(label, { x: x0, y: base + 38, size: 28 });
  }
  pen.rect({ x0: margin, y0: base, x1: right, y1: base + 3 }, '#555555');
  pen.y = base + 56;
}

interface Font {
  size: number;
  bold?: boolean;
}

/** Writes and draws from top to bottom. */
class Pen {
  y = margin;
  readonly words: PlacedText[] = [];
  readonly figures: PlacedText[] = [];
  readonly #parts: string[] = [];

  svg(): string {
    const { width, height } = pageSize;
    return [
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}"`,
      ` viewBox="0 0 ${width} ${height}" font-family="Liberation Sans, Arial, sans-serif">`,
      `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
      ...this.#parts,
      '</svg>',
    ].join('');
  }

  /** Writes a paragraph and breaks its lines. */
  paragraph(text: string, font: Font): void {
    let x = margin;
    let y = this.y + font.size;
    for (const word of text.split(' ')) {
      if (x + widthOf(word, font) > right) {
        x = margin;
        y += font.size * 1.45;
      }
      x = this.line(word, { x, y, ...font });
    }
    this.y = y + font.size * 1.3;
  }

  /** Writes a caption and calls `draw` for the figure below it. */
  figure(caption: string, draw: () => void): void {
    const top = this.y;
    this.paragraph(caption, { size: 33, bold: true });
    draw();
    this.figures.push({ text: caption, box: { x0: margin, y0: top, x1: right, y1: this.y } });
    this.y += 50;
  }

  /** Writes words in one line; `y` is their base line. Returns where the next word starts. */
  line(text: string, { x, y, ...font }: Font & { x: number; y: number }): number {
    for (const word of text.split(' ')) {
      const width = widthOf(word, font);
      this.words.push({
        text: word,
        box: { x0: x, y0: y - font.size * 0.8, x1: x + width, y1: y + font.size * 0.2 },
      });
      // With textLength, a word has the same width in every font.
      this.#parts.push(
        `<text x="${round(x)}" y="${round(y)}" font-size="${font.size}" fill="#222222"` +
          `${font.bold ? ' font-weight="bold"' : ''} textLength="${round(width)}"` +
          ` lengthAdjust="spacingAndGlyphs">${escapeText(word)}</text>`,
      );
      x += width + font.size * 0.3;
    }
    return x;
  }

  rect({ x0, y0, x1, y1 }: Box, fill: string): void {
    this.#parts.push(
      `<rect x="${round(x0)}" y="${round(y0)}" width="${round(x1 - x0)}" height="${round(y1 - y0)}" fill="${fill}"/>`,
    );
  }
}

/** The width of a word in pixels, about the same as in Arial. */
function widthOf(word: string, { size, bold = false }: Font): number {
  const widths = [...word].map((letter) => {
    if (/[iljtfI.,1]/.test(letter)) return letter === '1' ? 0.55 : 0.27;
    if (/[mwMW]/.test(letter)) return 0.82;
    return /[A-Z]/.test(letter) ? 0.68 : 0.54;
  });
  return widths.reduce((sum, width) => sum + width, 0) * size * (bold ? 1.07 : 1);
}

function round(value: number): number {
  return Number(value.toFixed(1));
}

function escapeText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
}
