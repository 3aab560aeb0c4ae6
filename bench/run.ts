/** `npm run bench`: measures the package against its peers; writes results/run.json. */
import { runCases } from './cases/run-cases.ts';
import { builtInContenders } from './contenders/built-in.ts';
import { loadPeers } from './contenders/peers/index.ts';
import { onServer, startBenchServer, withPGlite } from './harness/backends.ts';
import { describeEnvironment } from './harness/environment.ts';
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
  // Saved after each case, so that stopping the run keeps what it has measured.
  const save = (measured: CaseResult) => {
    printCase(measured);
    result.cases.push(measured);
    writeResult(isTrial ? 'trial-run.json' : 'run.json', result);
  };
  await runCases({ backend: onServer(server.url), sizes, contenders }, save);
  await withPGlite((backend) =>
    runCases({ backend, sizes: embeddedSizes(sizes), contenders: builtInContenders }, save),
  );
} finally {
  await server.stop();
}
