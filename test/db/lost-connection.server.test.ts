import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { expect, test } from 'vitest';
import { type Db, guardPostgres, openDatabase } from '../../src/index.ts';
import { select, useServerDatabase } from '../support/database.ts';

const url = useServerDatabase();

test('a connection that is lost inside a transaction rejects, and no error is uncaught', async () => {
  const { code, stdout, stderr } = await runProcess('lost-connection-process.ts', url());
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  const outcomes: Record<string, string> = JSON.parse(stdout);
  for (const client of ['openDatabase', 'own client']) {
    expect(outcomes[`${client}: afterwards`]).toBe('resolved');
    delete outcomes[`${client}: afterwards`];
  }
  // A savepoint around a lost one never settles; its transaction rejects.
  expect(Object.keys(outcomes)).toHaveLength(20);
  const unexpected = Object.entries(outcomes).filter(
    ([, how]) => !['CONNECTION_CLOSED', 'DATABASE_UNAVAILABLE', '57P01'].includes(how),
  );
  expect(unexpected).toEqual([]);
});

test('an error of the transaction’s own work does not count as a lost connection', async () => {
  const { db, close } = await openDatabase(url());
  const own = Object.assign(new Error('the vector store is down'), { code: 'ECONNREFUSED' });
  const fails = (work: (tx: Db) => Promise<unknown>) =>
    db.transaction(work).catch((e: unknown) => e);
  expect(await fails(() => Promise.reject(own))).toBe(own);
  expect(await fails((tx) => tx.transaction(() => Promise.reject(own)))).toBe(own);
  const wrapped = new TypeError('fetch failed', { cause: own });
  expect(await fails(() => Promise.reject(wrapped))).toBe(wrapped);
  await close();
});

test('after a statement that failed in the middle of its rows, the next result has all its rows', async () => {
  const opened = await openDatabase(`${url()}?max=1`);
  const client = guardPostgres(postgres(url(), { max: 1 }));
  for (const db of [opened.db, drizzle({ client })] as Db[]) {
    const fails = () =>
      db.execute(sql`select 1 / (3 - i) from generate_series(1, 5) as i`).catch(() => {});
    await fails();
    expect(await select(db, 'select 1 as one union all select 2 order by 1')).toEqual([
      { one: 1 },
      { one: 2 },
    ]);
    await fails();
    const rows = await db.select({ one: sql<number>`1` }).from(sql`generate_series(1, 3)`);
    expect(rows).toEqual([{ one: 1 }, { one: 1 }, { one: 1 }]);
    await db.transaction(async (tx) => {
      await tx.transaction((inner) => inner.execute(sql`select 1 / 0`)).catch(() => {});
      expect(await select(tx, 'select 1 as one')).toEqual([{ one: 1 }]);
    });
  }
  await opened.close();
  await client.end();
});

async function runProcess(
  script: string,
  ...args: string[]
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const file = fileURLToPath(new URL(`../support/${script}`, import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', file, ...args]);
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text) => {
    stdout += text;
  });
  child.stderr.on('data', (text) => {
    stderr += text;
  });
  const [code] = await once(child, 'close');
  return { code, stdout, stderr };
}
