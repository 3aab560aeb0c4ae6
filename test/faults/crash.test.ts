import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  migrate,
  openDatabase,
  purgeOrphans,
  vectorOrphans,
} from '../../src/index.ts';
import { bundled } from '../support/bundled.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../support/embedded-server.ts';
import { createPointStore, finishPending, type PointStore, purgeOptions } from './point-store.ts';

/** How often `npm run test:faults` kills, and how often `npm test` does. */
const kills =
  inject('faults') === 'full' ? { processes: 100, server: 10 } : { processes: 4, server: 1 };

let ledgerServer: EmbeddedServer;
let storeServer: EmbeddedServer;
let store: PointStore;

beforeAll(async () => {
  ledgerServer = await startEmbeddedServer({ survivesKill: true });
  storeServer = await startEmbeddedServer();
  await migrate({ url: ledgerServer.url });
  store = await createPointStore(storeServer.url);
});
afterAll(async () => {
  await store.close();
  await ledgerServer.stop();
  await storeServer.stop();
});

/** A worker that is started again whenever it ends, until `stop`. */
class Supervised {
  /** How often it has been started. */
  starts = 0;
  private readonly role: 'ingest' | 'purge';
  private process: ChildProcess;
  private stopped = false;

  constructor(role: 'ingest' | 'purge') {
    this.role = role;
    this.process = this.start();
  }

  kill(): void {
    this.process.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    this.stopped = true;
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const exited = once(this.process, 'exit');
    this.kill();
    await exited;
  }

  private start(): ChildProcess {
    this.starts += 1;
    const started = spawn(process.execPath, [bundled('crash-worker'), this.role], {
      env: { ...process.env, LEDGER_URL: ledgerServer.url, STORE_URL: storeServer.url },
      stdio: 'ignore',
    });
    started.once('exit', async () => {
      await sleep(20);
      if (!this.stopped) this.process = this.start();
    });
    return started;
  }
}

/** How many pages have been recorded so far, including deleted ones. */
async function pagesRecorded(): Promise<number> {
  const { db, close } = await openDatabase(ledgerServer.url);
  const [row] = (await db.execute(
    'select last_value::int as n from vectors_id_seq',
  )) as unknown as [{ n: number }];
  await close();
  return row.n;
}

test(
  `keeps every live vector and forgets none while ${kills.processes} processes and ${kills.server} servers are killed`,
  async () => {
    const workers = [new Supervised('ingest'), new Supervised('purge')];
    let killed = 0;
    const killsPerServer = kills.processes / kills.server;
    for (let server = 0; server < kills.server; server += 1) {
      // Without work between the kills, the test would prove nothing. A slow machine needs longer.
      const before = await pagesRecorded();
      while ((await pagesRecorded()) <= before + killsPerServer) await sleep(100);
      for (const until = killed + killsPerServer; killed < until; killed += 1) {
        // A worker needs about half a second to start. Some are killed before that, most while they work.
        await sleep(randomInt(400, 1_400));
        workers[randomInt(2)]?.kill();
      }
      await sleep(randomInt(800, 1_500));
      await ledgerServer.kill();
      await sleep(randomInt(0, 300));
      await ledgerServer.restart();
    }
    await sleep(1_000);
    await Promise.all(workers.map((worker) => worker.stop()));
    // Wait for statements that the servers still execute for killed processes.
    await sleep(500);

    const { db, close } = await openDatabase(ledgerServer.url);
    const repository = createVectorRepository(db);
    const pending = (await repository.findPending()).length;
    const total = { deleted: 0, spared: 0, repaired: 0 };
    // A purge that was killed may have deleted ids that a page has recorded again. The next purge makes such a page
    // pending, and the page keeps its old ids until it is finished. Twice, because the repair happens only once.
    for (const lastRound of [false, true]) {
      await finishPending(db, store);
      expect(await repository.findPending()).toEqual([]);
      await db.update(vectorOrphans).set({ dueAt: sql`now()` });
      const result = await purgeOrphans(db, store.deleteVectors, purgeOptions);
      total.deleted += result.deleted;
      total.spared += result.spared;
      total.repaired += result.repaired;
      if (lastRound) expect(result).toMatchObject({ repaired: 0, remaining: 0 });
    }

    const audit = await auditVectors(db, store);
    expect(audit.missing).toEqual({ vectors: 0, pages: 0, sample: [] });
    expect(audit.untracked).toMatchObject({ vectors: 0, sample: [] });
    expect(audit.vectors).toBe(audit.stored);
    await close();

    const recorded = await pagesRecorded();
    expect(recorded).toBeGreaterThan(kills.processes);
    const starts = workers.map((worker) => worker.starts);
    console.log(
      `crash test: ${JSON.stringify({ ...kills, starts, recorded, pending, ...total, ids: audit.vectors, strays: audit.untracked.vectors })}`,
    );
  },
  kills.processes * 3_000 + 120_000,
);
