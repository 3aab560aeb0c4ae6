import { PGlite } from '@electric-sql/pglite';
import { installLedger, uninstallLedger } from 'colpali-vectors';
import { drizzle } from 'drizzle-orm/pglite';
import { migrate } from 'drizzle-orm/pglite/migrator';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { liveInOwnTables, liveThrough } from '../life.js';
import { books, ledger } from './schema.js';

let client: PGlite;
beforeAll(async () => {
  client = await PGlite.create('memory://');
}, 120_000);
afterAll(() => client.close());

test('a document lives in the tables of the package', async () => {
  await liveInOwnTables(drizzle({ client }));
}, 120_000);

test('a document lives in a ledger of books, which have text keys', async () => {
  const db = drizzle({ client });
  await migrate(db, { migrationsFolder: 'text/drizzle' });
  await installLedger(db, ledger);
  const isbns = ["978-3-16-148410-0 'ä'", 'unknown'] as const;
  await db.insert(books).values(isbns.map((isbn) => ({ isbn })));
  await liveThrough(db, isbns, ledger);
  expect(await uninstallLedger(db, ledger)).toEqual({ pages: 1, orphans: 0 });
}, 120_000);
