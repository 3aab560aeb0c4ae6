/**
 * `npm run bench`: measures the package beside its peers, prints the ratios and writes
 * results/run.json.
 */
import { runCases } from './benchmark.ts';
import { builtInContenders } from './contenders/built-in.ts';
import { loadPeers } from './contenders/peers/index.ts';
import { describeEnvironment } from './harness/environment.ts';
import { onServer, startBenchServer, withPGlite } from './harness/places.ts';
import { defaultSizes, embeddedSizes, readSizes } from './harness/sizes.ts';
import { printCase } from './report/console.ts';
import { writeResult } from './report/files.ts';
import type { CaseResult, RunResult } from './result.ts';

const { sizes, isTrial } = readSizes(defaultSizes);
const { peers, missing } = await loadPeers();
const contenders = [...builtInContenders, ...peers];

const server = await startBenchServer();
try {
  const packages = contenders.flatMap((contender) => contender.packages);
  const environment = await describeEnvironment(server.url, [...packages, '@electric-sql/pglite']);
  console.log(environment);
  const result: RunResult = { environment, sizes, missing, cases: [] };
  // Noted after each case: what has been measured stays, should the run be stopped.
  const note = (measured: CaseResult) => {
    printCase(measured);
    result.cases.push(measured);
    writeResult(isTrial ? 'trial-run.json' : 'run.json', result);
  };
  await runCases({ place: onServer(server.url), sizes, contenders }, note);
  await withPGlite((place) =>
    runCases({ place, sizes: embeddedSizes(sizes), contenders: builtInContenders }, note),
  );
} finally {
  await server.stop();
}
