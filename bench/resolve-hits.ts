/**
 * Measures `resolveHits` and its parts on pages of patch ids and on pages with one id. `npm run bench:hits`.
 *
 * Prints the median of many rounds, each with other hits. The parts take turns, so that other work on the machine
 * disturbs all of them alike.
 */
import { createVectorRepository, migrate, openDatabase, patchVectorId } from '../src/index.ts';
import type { Hit } from '../src/page/index.ts';
import { type Backend, onServer, startBenchServer, withClient } from './harness/backends.ts';
import { filledPage, fillOneRandomId, fillPatchIds } from './harness/fill.ts';
import { randomBelow, randomItem } from './harness/random.ts';
import { median } from './harness/statistics.ts';

const [pages, idsPerPage, hitsPerCall, rounds] = [500_000, 1030, 1_000, 60];

async function measure(backend: Backend): Promise<void> {
  const database = await backend.create();
  await migrate({ url: database.url });
  const singles = await withClient(database.url, async (client) => {
    await fillPatchIds(client, { from: 0, to: pages, idsPerPage });
    await fillOneRandomId(client, { from: pages, to: 2 * pages });
    await client.run(`update vectors set grid = '{"cols": 32, "rows": 32, "start": 0}'`);
    await client.run('vacuum analyze');
    return client.query<{ vectorId: string }>(
      `select vector_ids ->> 0 as "vectorId" from vectors
      where jsonb_typeof(vector_ids -> 0) = 'string' order by md5(vector_ids::text) limit 20000`,
      [],
    );
  });
  const { db, close } = await openDatabase(database.url);
  const repository = createVectorRepository(db);
  const kinds: Record<string, () => string> = {
    'patch ids': () =>
      patchVectorId({ ...filledPage(randomBelow(pages)), patch: randomBelow(idsPerPage) }),
    'one id a page': () => randomItem(singles).vectorId,
  };
  console.log(`${hitsPerCall} hits on as many pages, in a ledger of ${2 * pages} pages`);
  for (const [kind, anyId] of Object.entries(kinds)) {
    const times: Record<string, number[]> = { resolveHits: [], locate: [] };
    for (let round = 0; round < rounds; round += 1) {
      const hits = Array.from({ length: hitsPerCall }, (): Hit => {
        return { vectorId: anyId(), score: Math.random(), offset: 7, queryToken: randomBelow(24) };
      });
      const tasks: [string, () => Promise<unknown>][] = [
        ['resolveHits', () => repository.resolveHits(hits)],
        ['locate', () => repository.locate(hits.map(({ vectorId }) => vectorId))],
      ];
      for (const [name, task] of round % 2 === 0 ? tasks : tasks.reverse()) {
        const start = performance.now();
        await task();
        // The first rounds prepare the statements.
        if (round >= 10) times[name]?.push(performance.now() - start);
      }
    }
    for (const [name, taken] of Object.entries(times)) {
      console.log(
        `${median(taken).toFixed(1).padStart(7)} ms, best ${Math.min(...taken).toFixed(1)}  ${name}, ${kind}`,
      );
    }
  }
  await close();
  await database.drop();
}

const server = await startBenchServer('server');
try {
  await measure(onServer(server.url));
} finally {
  await server.stop();
}
