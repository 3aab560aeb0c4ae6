/** `npm run bench:growth`: how the calls' times grow with the ledger; writes results/growth.json. */
import { defaultGrowthSizes, measureGrowth } from './cases/growing.ts';
import { describeEnvironment } from './harness/environment.ts';
import { onServer, startBenchServer } from './harness/places.ts';
import { readSizes } from './harness/sizes.ts';
import { format } from './report/console.ts';
import { writeResult } from './report/files.ts';
import type { GrowthResult } from './result.ts';

const { sizes, isTrial } = readSizes(defaultGrowthSizes);
const server = await startBenchServer();
try {
  const environment = await describeEnvironment(server.url, ['drizzle-orm', 'postgres']);
  const growth = await measureGrowth(onServer(server.url), sizes, console.log);
  console.table(
    growth.points.map(({ ms, callsASecond, ...point }) => ({
      ...point,
      'p50 ms': format(ms.median),
      'p99 ms': format(ms.p99),
      'calls/s': format(callsASecond),
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
