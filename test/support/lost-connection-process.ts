/**
 * A process that loses its connection in several ways, with the database whose URL is its argument. It prints how each
 * ended, as JSON. An uncaught error ends it with an exit code.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  type Db,
  documents,
  guardPostgres,
  openDatabase,
} from '../../src/index.ts';

const url = process.argv[2] as string;
const killer = postgres(url, { max: 1 });

/** Ends the session of `tx`, and waits until the client knows. */
async function kill(tx: Db): Promise<void> {
  const [session] = rowsOf<{ pid: number }>(await tx.execute(sql`select pg_backend_pid() as pid`));
  await killer`select pg_terminate_backend(${session?.pid ?? 0}::integer, 5000)`;
  await sleep(50);
}

const page = { docId: 1, page: 1, vectorIds: ['a'] };
const outcomes: Record<string, string> = {};

/** Notes how something ends: with a code, or with "resolved". */
async function note(name: string, work: () => Promise<unknown>): Promise<void> {
  outcomes[name] = await work().then(
    () => 'resolved',
    (error: { code?: string; cause?: { code?: string } }) =>
      error.code ?? error.cause?.code ?? String(error),
  );
}

async function loseConnections(name: string, db: Db): Promise<void> {
  const transaction = (step: string, work: (tx: Db) => Promise<unknown>) =>
    note(`${name}: ${step}`, () => db.transaction(work));

  await transaction('idle, then a savepoint', async (tx) => {
    await kill(tx);
    await note(`${name}: the savepoint`, () => tx.transaction(async () => {}));
  });
  await transaction('idle, then a page', async (tx) => {
    await kill(tx);
    await note(`${name}: the page`, () => createVectorRepository(tx).upsertPage(page));
    await note(`${name}: another read`, () => createVectorRepository(tx).findByPage(1, 1));
  });
  await transaction('idle in a savepoint', async (tx) => {
    await note(`${name}: the outer savepoint`, () =>
      tx.transaction(async (inner) => {
        await kill(inner);
        await inner.transaction(async () => {});
      }),
    );
  });
  await transaction('during a statement, then at once a savepoint', async (tx) => {
    const [session] = rowsOf<{ pid: number }>(
      await tx.execute(sql`select pg_backend_pid() as pid`),
    );
    setTimeout(
      () => killer`select pg_terminate_backend(${session?.pid ?? 0}::integer)`.execute(),
      50,
    );
    await tx.execute(sql`select pg_sleep(10)`).catch(() => {});
    await note(`${name}: the savepoint at once`, () => tx.transaction(async () => {}));
  });
  await transaction('and the work goes on as if nothing had happened', (tx) => kill(tx));
  await transaction('while pages are streamed', async (tx) => {
    for await (const _ of createVectorRepository(tx).streamPages({ batchSize: 1 })) await kill(tx);
  });
  await note(`${name}: afterwards`, () => createVectorRepository(db).upsertPage(page));
}

const opened = await openDatabase(`${url}?max=2`);
await opened.db.insert(documents).values({ id: 1 }).onConflictDoNothing();
const repository = createVectorRepository(opened.db);
await repository.upsertPages([1, 2, 3].map((number) => ({ ...page, page: number })));
await loseConnections('openDatabase', opened.db);

const client = guardPostgres(postgres(url, { max: 2, onnotice: () => {} }));
await loseConnections('own client', drizzle({ client }));

await opened.close();
await client.end({ timeout: 5 });
await killer.end();
console.log(JSON.stringify(outcomes));
