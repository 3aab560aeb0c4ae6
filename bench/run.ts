/**
 * `npm run bench`: measures the package beside its peers, prints the ratios and writes
 * results/run.json.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { runCases } from './benchmark.ts';
import { builtInContenders } from './contenders/built-in.ts';
import { loadPeers } from './contenders/peers/index.ts';
import { describeEnvironment } from './harness/environment.ts';
import { onServer, startBenchServer, withPGlite } from './harness/places.ts';
import { defaultSizes, embeddedSizes, parseSizes } from './harness/sizes.ts';
import { printCase } from './report/console.ts';
import type { RunResult } from './result.ts';

const sizes = parseSizes(process.argv.slice(2), defaultSizes);
const { peers, missing } = await loadPeers();
const contenders = [...builtInContenders, ...peers];

const server = await startBenchServer();
try {
  const packages = contenders.flatMap((contender) => contender.packages);
  const environment = await describeEnvironment(server.url, [...packages, '@electric-sql/pglite']);
  console.log(environment);
  const onServerResults = await runCases(
    { place: onServer(server.url), sizes, contenders },
    printCase,
  );
  const onPGliteResults = await withPGlite((place) =>
    runCases({ place, sizes: embeddedSizes(sizes), contenders: builtInContenders }, printCase),
  );
  const result: RunResult = {
    environment,
    sizes,
    missing,
    cases: [...onServerResults, ...onPGliteResults],
  };
  const folder = new URL('./results/', import.meta.url);
  mkdirSync(folder, { recursive: true });
  writeFileSync(new URL('run.json', folder), `${JSON.stringify(result, null, 2)}\n`);
} finally {
  await server.stop();
}
