import type { GrowthOperation, GrowthResult } from '../result.ts';
import { formatConnections, shortNumber } from './numbers.ts';
import { pageCounts } from './page-counts.ts';

const operations: GrowthOperation[] = ['findByPage', 'locate', 'upsertPage'];

/** In pixels: a panel per operation, side by side, below a legend. */
const panel = { width: 220, height: 200, gap: 24 };
const margin = { left: 64, top: 56, right: 20, bottom: 48 };
const width =
  margin.left +
  operations.length * panel.width +
  (operations.length - 1) * panel.gap +
  margin.right;
const height = margin.top + panel.height + margin.bottom;

/** Readable on light and dark backgrounds. */
const colors = ['#2f81f7', '#d1781a'];
const ink = '#808890';

/** Draws milliseconds per call over the number of pages, both logarithmic, as SVG. */
export function drawGrowth(growth: GrowthResult): string {
  const { points, sizes } = growth;
  const counts = pageCounts(growth);
  const connectionCounts = [...new Set(points.map(({ connections }) => connections))];
  const decade = (round: (value: number) => number, values: number[]) =>
    round(Math.log10(round === Math.floor ? Math.min(...values) : Math.max(...values)));
  const times = points.flatMap(({ ms }) => [ms.median, ms.p99]);
  const lowest = decade(Math.floor, times);
  const highest = decade(Math.ceil, times);

  const x = (index: number, pages: number) => {
    const position = counts.indexOf(pages) / Math.max(1, counts.length - 1);
    return margin.left + index * (panel.width + panel.gap) + 16 + position * (panel.width - 32);
  };
  const y = (ms: number) =>
    margin.top + panel.height * (1 - (Math.log10(ms) - lowest) / (highest - lowest));

  const panels = operations.map((operation, index) => {
    const left = margin.left + index * (panel.width + panel.gap);
    const title = operation === 'locate' ? `locate, ${sizes['locateIds']} ids` : operation;
    const grid = Array.from({ length: highest - lowest + 1 }, (_, step) => {
      const ms = 10 ** (lowest + step);
      const label = index === 0 ? text(left - 8, y(ms) + 4, `${ms} ms`, 'end') : '';
      return `<path d="M${left} ${y(ms)}h${panel.width}" stroke="${ink}" stroke-opacity=".35"/>${label}`;
    });
    const ticks = counts.map((pages) =>
      text(x(index, pages), margin.top + panel.height + 18, shortNumber(pages), 'middle'),
    );
    const lines = connectionCounts.flatMap((connections, series) => {
      const own = counts.flatMap((pages) =>
        points.filter(
          (point) =>
            point.pages === pages &&
            point.operation === operation &&
            point.connections === connections,
        ),
      );
      return (['median', 'p99'] as const).map((value) =>
        line(
          own.map(({ pages, ms }) => [x(index, pages), y(ms[value])]),
          colors[series] ?? ink,
          value === 'p99',
        ),
      );
    });
    const heading = text(left + panel.width / 2, margin.top - 10, title, 'middle');
    return [heading, ...grid, ...ticks, ...lines].join('\n');
  });

  const legend = connectionCounts.flatMap((connections, series) =>
    (['p50', 'p99'] as const).map((name, index) => {
      const left = margin.left + (series * 2 + index) * 178;
      const label = `${name}, ${formatConnections(connections)}`;
      const sample = line(
        [
          [left, 18],
          [left + 24, 18],
        ],
        colors[series] ?? ink,
        name === 'p99',
      );
      return `${sample}\n${text(left + 32, 22, label, 'start')}`;
    }),
  );
  const axis = text(width / 2, height - 8, 'pages in the ledger', 'middle');
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="sans-serif" font-size="12" fill="${ink}">
<title>Milliseconds per call by number of pages in the ledger</title>
${[...legend, ...panels, axis].join('\n')}
</svg>
`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'middle' | 'end'): string {
  return `<text x="${x}" y="${y.toFixed(1)}" text-anchor="${anchor}">${content}</text>`;
}

function line(points: readonly (readonly number[])[], color: string, dashed: boolean): string {
  const path = points.map((point) => point.map((value) => value.toFixed(1)).join(' ')).join('L');
  const dots = points
    .map(
      ([x, y]) => `<circle cx="${x?.toFixed(1)}" cy="${y?.toFixed(1)}" r="2.5" fill="${color}"/>`,
    )
    .join('');
  const dash = dashed ? ' stroke-dasharray="5 4"' : '';
  return `<path d="M${path}" fill="none" stroke="${color}" stroke-width="2"${dash}/>${dots}`;
}
