/** `npm run bench`: measures the package against its peers; writes a file in results/. */
import { runCases } from './cases/run-cases.ts';
import { builtInContenders } from './contenders/built-in.ts';
import { loadPeers } from './contenders/peers/index.ts';
import { type Backend, onServer, startBenchServer, withPGlite } from './harness/backends.ts';
import { describeEnvironment } from './harness/environment.ts';
import { defaultSizes, embeddedServerSizes, pgliteSizes, readArguments } from './harness/sizes.ts';
import { printCase } from './report/console.ts';
import { runFile, writeResult } from './report/files.ts';
import { type CaseResult, mediansOf, type RunResult } from './result.ts';

const {
  choice: on,
  sizes,
  isTrial,
} = readArguments('on', {
  server: defaultSizes,
  embedded: embeddedServerSizes,
  pglite: pgliteSizes,
});
const { peers, missing } = await loadPeers();
const contenders = [...builtInContenders, ...peers];

async function measure(backend: Backend): Promise<void> {
  const packages = contenders.flatMap((contender) => contender.packages);
  const database = await backend.create();
  const environment = await describeEnvironment(database.url, [
    ...packages,
    '@electric-sql/pglite',
  ]);
  await database.drop();
  console.log(environment);
  const start = performance.now();
  const result: RunResult = { environment, sizes, missing, cases: [] };
  // Saved after each case, so that stopping the run keeps what it has measured.
  const save = (measured: CaseResult) => {
    printCase(measured);
    result.cases.push(mediansOf(measured));
    writeResult(runFile(backend.kind, environment, isTrial), result);
  };
  await runCases({ backend, sizes, contenders }, save);
  console.log(`\ntook ${Math.round((performance.now() - start) / 1_000)} s`);
}

if (on === 'pglite') await withPGlite(measure);
else {
  const server = await startBenchServer(on);
  try {
    await measure(onServer(server.url));
  } finally {
    await server.stop();
  }
}
