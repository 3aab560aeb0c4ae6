/** `npm run bench:growth`: measures how call times grow with the ledger; writes results/growth.json. */
import { defaultGrowthSizes, measureGrowth } from './cases/growing.ts';
import { onServer, startBenchServer } from './harness/backends.ts';
import { describeEnvironment } from './harness/environment.ts';
import { readSizes } from './harness/sizes.ts';
import { writeResult } from './report/files.ts';
import { formatNumber } from './report/numbers.ts';
import type { GrowthResult } from './result.ts';

const { sizes, isTrial } = readSizes(defaultGrowthSizes);
const server = await startBenchServer();
try {
  const environment = await describeEnvironment(server.url, ['drizzle-orm', 'postgres']);
  const growth = await measureGrowth(onServer(server.url), sizes, console.log);
  console.table(
    growth.points.map(({ ms, callsPerSecond, ...point }) => ({
      ...point,
      'p50 ms': formatNumber(ms.median),
      'p99 ms': formatNumber(ms.p99),
      'calls/s': formatNumber(callsPerSecond),
    })),
  );
  writeResult(isTrial ? 'trial-growth.json' : 'growth.json', {
    environment,
    sizes,
    ...growth,
  } satisfies GrowthResult);
} finally {
  await server.stop();
}
