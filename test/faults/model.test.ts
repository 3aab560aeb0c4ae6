import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, inject, test } from 'vitest';
import { type Db, type OpenDatabase, openDatabase, partition } from '../../src/index.ts';
import { useServerDatabase } from '../support/database.ts';
import { Interleaver } from '../support/interleaver.ts';
import { isDistributed } from '../support/shapes.ts';
import { Actor } from './model/actor.ts';
import { docIds, operations, runsOnCitus } from './model/operations.ts';
import { type Totals, World } from './model/world.ts';

/** `npm run test:faults` makes all runs; `npm test` makes enough of them to notice a broken protocol. */
const isFull = inject('faults') === 'full';
const actorCount = 4;

/** A partition per document. */
async function partitionByDocument(db: Db): Promise<void> {
  await partition(db, { at: docIds.slice(1) });
}

const possible = isDistributed ? operations.filter(runsOnCitus) : operations;

const onCluster = [{ tables: 'a Citus cluster', runs: isFull ? 300 : 20, prepare: async () => {} }];
const onServer = [
  { tables: 'one table', runs: isFull ? 10_000 : 60, prepare: async () => {} },
  { tables: 'range partitions', runs: isFull ? 1_000 : 20, prepare: partitionByDocument },
];

describe.each(isDistributed ? onCluster : onServer)(
  'on $tables, the ledger',
  ({ tables, runs, prepare }) => {
    const serverUrl = useServerDatabase();
    let control: OpenDatabase;
    const totals: Totals = {
      runs: 0,
      steps: 0,
      operations: 0,
      crashes: 0,
      idsChecked: 0,
      abandoned: 0,
      strays: 0,
      repaired: 0,
    };

    beforeAll(async () => {
      control = await openDatabase(serverUrl());
      await prepare(control.db);
    });
    afterAll(async () => {
      await control.close();
      console.log(`model test on ${tables}: ${JSON.stringify(totals)}`);
    });

    test(
      `keeps every live vector and forgets none in any order of operations and failures (${runs} runs)`,
      async () => {
        await fc.assert(
          fc.asyncProperty(
            fc.array(fc.array(possible, { minLength: 1, maxLength: 4 }), {
              minLength: 2,
              maxLength: actorCount,
            }),
            fc.array(fc.nat(100), { minLength: 8, maxLength: 60 }),
            fc.constantFrom([], [], [2]),
            async (scripts, choices, rejected) => {
              const world = new World(control.db, totals, rejected, { isDistributed });
              await world.reset();
              const interleaver = new Interleaver(choices);
              const actors = scripts.map(
                (_, index) =>
                  new Actor(
                    `actor ${index} of run ${totals.runs}`,
                    world,
                    serverUrl(),
                    interleaver.gate,
                  ),
              );
              try {
                await interleaver.run(
                  scripts.map((script, index) => async () => {
                    for (const operation of script) await actors[index]?.perform(operation);
                  }),
                  async () => {
                    totals.steps += 1;
                    await world.check();
                  },
                );
              } finally {
                // After a failure, actors wait at their gates and still have locks.
                await control.db.execute(sql`
                select pg_terminate_backend(pid) from pg_stat_activity
                where application_name like 'actor %'`);
                await Promise.all(actors.map((actor) => actor.close()));
              }
              await world.finish();
              totals.runs += 1;
            },
          ),
          // Shrinking a failure takes hours on a cluster.
          { numRuns: runs, endOnFailure: isDistributed },
        );
      },
      runs * (isDistributed ? 20_000 : 1_000) + 60_000,
    );
  },
);
