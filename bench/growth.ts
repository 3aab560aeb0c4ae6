/** `npm run bench:growth`: measures how call times grow with the ledger; writes a file in results/. */
import { defaultGrowthSizes, measureGrowth, mixtureGrowthSizes } from './cases/growing.ts';
import { onServer, startBenchServer } from './harness/backends.ts';
import { describeEnvironment } from './harness/environment.ts';
import { readArguments } from './harness/sizes.ts';
import { growthFile, writeResult } from './report/files.ts';
import { formatNumber } from './report/numbers.ts';
import type { GrowthResult } from './result.ts';

const {
  choice: kind,
  sizes,
  isTrial,
} = readArguments('ledger', {
  patch: defaultGrowthSizes,
  mixture: mixtureGrowthSizes,
});
const server = await startBenchServer('server');
try {
  const environment = await describeEnvironment(server.url, ['drizzle-orm', 'postgres']);
  const growth = await measureGrowth(onServer(server.url), sizes, kind, console.log);
  console.table(
    growth.points.map(({ ms, callsPerSecond, ...point }) => ({
      ...point,
      'p50 ms': formatNumber(ms.median),
      'p99 ms': formatNumber(ms.p99),
      'calls/s': formatNumber(callsPerSecond),
    })),
  );
  writeResult(growthFile(kind, isTrial), { environment, sizes, ...growth } satisfies GrowthResult);
} finally {
  await server.stop();
}
