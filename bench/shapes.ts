/** `npm run bench:shapes`: compares one table, partitions and Citus; writes results/shapes.json. */
import { measureShapes, shapesSizes } from './cases/shapes.ts';
import { startBenchServer } from './harness/backends.ts';
import { describeEnvironment } from './harness/environment.ts';
import { readArguments } from './harness/sizes.ts';
import { shapesFile, writeResult } from './report/files.ts';
import { formatNumber } from './report/numbers.ts';
import type { ShapesResult } from './result.ts';

const {
  choice: on,
  sizes,
  isTrial,
} = readArguments('on', { citus: shapesSizes, server: shapesSizes, embedded: shapesSizes });

/** The coordinator has all shapes, so that the settings of the server are the same for each. */
async function startServer() {
  if (on !== 'citus') return startBenchServer(on);
  const url = process.env['BENCH_CITUS_URL'];
  if (!url) throw new Error('Set BENCH_CITUS_URL to a coordinator, or choose --on server');
  return { url, stop: async () => {} };
}

const server = await startServer();
try {
  const environment = await describeEnvironment(server.url, ['drizzle-orm', 'postgres']);
  const result: ShapesResult = { environment, sizes, points: [], bytes: [] };
  await measureShapes(server.url, on === 'citus', sizes, (measured) => {
    console.table(measured.points.map(({ ms, ...point }) => ({ ...point, ms: formatNumber(ms) })));
    console.table(measured.bytes);
    result.points.push(...measured.points);
    result.bytes.push(...measured.bytes);
    // Saved after each size, so that stopping the run keeps what it has measured.
    writeResult(shapesFile(isTrial), result);
  });
} finally {
  await server.stop();
}
