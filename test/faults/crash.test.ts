import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  migrate,
  openDatabase,
  purgeOrphans,
} from '../../src/index.ts';
import { type EmbeddedServer, startEmbeddedServer } from '../support/embedded-server.ts';
import { createPointStore, finishPending, type PointStore } from './point-store.ts';

/** `npm run test:faults` kills as often as this says; `npm test` a few times. */
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

/** A worker that is started again whenever it ends, until it is told to stay dead. */
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
    const script = fileURLToPath(new URL('worker.ts', import.meta.url));
    const started = spawn(process.execPath, ['--import', 'tsx', script, this.role], {
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

/** How many pages have been recorded so far, deleted ones among them. */
async function pagesRecorded(): Promise<number> {
  const { db, close } = await openDatabase(ledgerServer.url);
  const [row] = (await db.execute(
    'select last_value::int as n from vectors_id_seq',
  )) as unknown as [{ n: number }];
  await close();
  return row.n;
}

test(
  `${kills.processes} processes and ${kills.server} servers killed: nothing is lost, nothing is left`,
  async () => {
    const workers = [new Supervised('ingest'), new Supervised('purge')];
    let killed = 0;
    for (let server = 0; server < kills.server; server += 1) {
      for (const until = killed + kills.processes / kills.server; killed < until; killed += 1) {
        // A worker needs about half a second to start: some are killed before, most in their work.
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
    // Statements of the killed that their servers still carry out.
    await sleep(500);

    const { db, close } = await openDatabase(ledgerServer.url);
    const ledger = createVectorRepository(db);
    const pending = (await ledger.findPending()).length;
    await finishPending(db, store);
    expect(await ledger.findPending()).toEqual([]);
    const { deleted, spared, remaining } = await purgeOrphans(db, store.deleteVectors);
    expect(remaining).toBe(0);

    const audit = await auditVectors(db, store);
    expect(audit.missing).toEqual({ vectors: 0, pages: 0, sample: [] });
    expect(audit.untracked).toEqual({ vectors: 0, sample: [] });
    expect(audit.vectors).toBe(audit.stored);
    await close();

    const recorded = await pagesRecorded();
    // Work was done between the kills, or the test has shown nothing.
    expect(recorded).toBeGreaterThan(kills.processes);
    const starts = workers.map((worker) => worker.starts);
    console.log(
      `crash test: ${JSON.stringify({ ...kills, starts, recorded, pending, deleted, spared, ids: audit.vectors, strays: audit.untracked.vectors })}`,
    );
  },
  kills.processes * 3_000 + 120_000,
);
