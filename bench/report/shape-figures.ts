import type { ShapesResult } from '../result.ts';
import { describe } from './describe.ts';
import { formatNumber, shortNumber } from './numbers.ts';
import { table } from './table.ts';

/** The table of docs/scaling.md, in Markdown: what a call costs on each shape. */
export function shapeFigures({ environment, sizes, points, bytes }: ShapesResult): string {
  const columns = bytes.map(({ pages, shape }) => ({ pages, shape }));
  const operations = [...new Set(points.map(({ operation }) => operation))];
  const rows = operations.map((operation) => [
    operation,
    ...columns.map(({ pages, shape }) => {
      const point = points.find(
        (other) => other.operation === operation && other.pages === pages && other.shape === shape,
      );
      return point === undefined ? '' : formatNumber(point.ms);
    }),
  ]);
  const sizeRow = (title: string, sizeOf: (size: ShapesResult['bytes'][number]) => number) => [
    title,
    ...bytes.map((size) => formatNumber(sizeOf(size) / size.pages)),
  ];
  return [
    `Milliseconds per call (median), measured on ${describe(environment)}. There are ${sizes['partitions']} partitions ` +
      `and ${sizes['shards']} shards. Nine pages in ten have ${sizes['idsPerPage']} patch ids, the tenth has one random ` +
      'id. A document has 100 pages.',
    table(
      ['', ...columns.map(({ pages, shape }) => `${shortNumber(pages)} pages, ${shape}`)],
      [
        ...rows,
        sizeRow('bytes per page, table', (size) => size.table),
        sizeRow('bytes per page, indexes', (size) => size.indexes),
      ],
    ),
  ].join('\n\n');
}
