import { PGlite } from '@electric-sql/pglite';
import { drizzle } from 'drizzle-orm/pglite';
import { expect, test } from 'vitest';
import { liveThrough } from './life.js';

test('a document lives in a PGlite in memory', async () => {
  const client = await PGlite.create('memory://');
  expect(await liveThrough(drizzle({ client }))).toMatch(/^applied and undone: \d+$/);
  await client.close();
}, 60_000);
