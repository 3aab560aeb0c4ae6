import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  MigrationError,
  migrate,
  openDatabase,
  vectorOrphans,
} from '../../src/index.ts';
import { createDatabase, useEmptyDatabase } from '../support/database.ts';
import { runDrizzleKit } from '../support/drizzle-kit.ts';
import { loadLegacyDump, readHostTables, readLegacyRows } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

const database = useEmptyDatabase();

describe('a database that Alembic made', () => {
  test('becomes the one that a fresh database gets, with every id in its place', async () => {
    await loadLegacyDump(database().db, 'plain');
    const before = await readHostTables(database().db);
    await migrate(database());

    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readHostTables(database().db)).toEqual(before);
    const ledger = createVectorRepository(database().db);
    for (const { id, docId, page, vectorIds } of readLegacyRows('plain')) {
      expect(await ledger.findByPage(docId, page)).toMatchObject({
        id,
        vectorIds: JSON.parse(vectorIds),
        grid: null,
        indexedAt: expect.any(Date),
      });
    }
  });

  test('is taken over by drizzle-kit migrate as well', async () => {
    // Of this test's own: another process may use a PGlite directory only while nobody else does.
    const { url, drop } = await createDatabase();
    const before = await openDatabase(url);
    await loadLegacyDump(before.db, 'plain');
    await before.close();
    expect(await runDrizzleKit(['migrate'], { DATABASE_URL: url })).toMatchObject({ code: 0 });
    const after = await openDatabase(url);
    await expect(await dumpSchema(after.db)).toMatchFileSnapshot(schemaFile);
    expect(await createVectorRepository(after.db).countPages(1)).toBe(8);
    await after.close();
    await drop();
  });
});

describe('rows that cannot be taken over', () => {
  test('stop the migration with what to do, and nothing has changed', async () => {
    await loadLegacyDump(database().db, 'mixed');
    const rows = () => database().db.execute(sql`select * from vectors order by id`);
    const before = rowsOf(await rows());
    const error: unknown = await migrate(database()).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      tag: '0001_jsonb_ledger',
      message: expect.stringMatching(
        /cannot convert some of the 65 rows of vectors: 12 with a page below 1 \(id 1, 9, 16, 20, 22, 31, 38, 44, 47, 48, \.\.\.\)/,
      ),
      hint: expect.stringContaining('update vectors set page = page + 1'),
    });
    expect(rowsOf(await rows())).toEqual(before);
    expect(
      rowsOf(await database().db.execute(sql`select to_regclass('vector_orphans')::text as found`)),
    ).toEqual([{ found: null }]);
  });

  test('go through after the fix that the error names', async () => {
    await loadLegacyDump(database().db, 'mixed');
    const host = await readHostTables(database().db);
    await database().db.execute(sql`update vectors set page = page + 1`);
    await migrate(database());
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readHostTables(database().db)).toEqual(host);

    // The newest row of a page stays, the ids of an older one wait.
    const ledger = createVectorRepository(database().db);
    const kept = new Map<string, string[]>();
    const replaced: string[][] = [];
    for (const { docId, page, vectorIds } of readLegacyRows('mixed')) {
      const key = `${docId}/${page + 1}`;
      const ids = vectorIds.startsWith('[')
        ? // As text: JSON.parse would round integers above 2^53.
          vectorIds
            .slice(1, -1)
            .split(', ')
            .map((id) => id.replaceAll('"', ''))
        : vectorIds.split(/,\s*/);
      const older = kept.get(key);
      if (older !== undefined) replaced.push(older);
      kept.set(key, ids);
    }
    for (const [key, ids] of kept) {
      const [docId, page] = key.split('/').map(Number) as [number, number];
      expect((await ledger.findByPage(docId, page))?.vectorIds).toEqual(ids);
    }
    const orphans = await database().db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    expect(orphans.map(({ vectorIds }) => vectorIds)).toEqual(replaced);
    expect(replaced.length).toBeGreaterThan(0);
    expect((await ledger.findByPage(5, 1))?.vectorIds[0]).toBe('449278312341234567');
  });
});
