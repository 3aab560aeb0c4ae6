import { once } from 'node:events';
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

/** What Studio's page asks its server; retried while that is starting. */
async function ask(question: object): Promise<unknown> {
  for (;;) {
    const answer = await fetch(studio, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
    }).catch(() => undefined);
    if (answer !== undefined) return answer.json();
    await new Promise((retry) => setTimeout(retry, 100));
  }
}

test('Drizzle Studio opens the database that DATABASE_URL names', async () => {
  expect(await ask({ type: 'init' })).toMatchObject({
    dialect: 'postgresql',
    // drizzle-kit takes the first driver it finds installed, and looks for pg before postgres.
    packageName: inject('driver') === 'pglite' ? 'pglite' : 'pg',
  });
});

test('Drizzle Studio counts the pages, and the vectors in the view', async () => {
  const count = (table: string) =>
    ask({
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
