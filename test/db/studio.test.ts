import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { createVectorRepository, migrate, openDatabase } from '../../src/index.ts';
import { createDatabase, createDocument } from '../support/database.ts';
import { startDrizzleKit } from '../support/drizzle-kit.ts';
import { freePort } from '../support/free-port.ts';

let studio: string;
let stop: () => Promise<void>;

beforeAll(async () => {
  const { url, drop } = await createDatabase();
  await migrate({ url });
  const { db, close } = await openDatabase(url);
  const docId = await createDocument(db);
  await createVectorRepository(db).upsertPages(
    [1, 2, 3].map((page) => ({ docId, page, vectorIds: ['a', 'b'].map((id) => `${page}${id}`) })),
  );
  await close();

  const port = await freePort();
  const server = startDrizzleKit(['studio', `--port=${port}`], { DATABASE_URL: url });
  studio = `http://127.0.0.1:${port}/`;
  stop = async () => {
    server.kill('SIGKILL');
    await once(server, 'exit');
    await drop();
  };
});
afterAll(() => stop());

/** Sends a request as Studio's page does, and retries while the server starts. */
async function request(body: object): Promise<unknown> {
  for (;;) {
    const response = await fetch(studio, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    }).catch(() => undefined);
    if (response !== undefined) return response.json();
    await sleep(100);
  }
}

test('Drizzle Studio opens the database at DATABASE_URL', async () => {
  expect(await request({ type: 'init' })).toMatchObject({
    dialect: 'postgresql',
    // drizzle.config.ts hides pg.
    packageName: inject('driver') === 'pglite' ? 'pglite' : 'postgres',
  });
});

test('Drizzle Studio can query the pages and the view of their vectors', async () => {
  const count = (table: string) =>
    request({
      type: 'proxy',
      data: {
        sql: `select count(*)::int as rows from ${table}`,
        params: [],
        mode: 'object',
        method: 'all',
      },
    });
  expect(await count('vectors')).toEqual([{ rows: 3 }]);
  expect(await count('vector_patches')).toEqual([{ rows: 6 }]);
});
