import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  MigrationError,
  migrate,
  openDatabase,
  vectorOrphans,
} from '../../src/index.ts';
import { createDatabase, select, useEmptyDatabase } from '../support/database.ts';
import { runDrizzleKit } from '../support/drizzle-kit.ts';
import { loadLegacyDump, readHostTables, readLegacyRows } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';
import { thrownBy } from '../support/thrown-by.ts';

const database = useEmptyDatabase();

describe('a database that Alembic created', () => {
  test('gets the same schema as an empty database and keeps all ids', async () => {
    await loadLegacyDump(database().db, 'plain');
    const before = await readHostTables(database().db);
    await migrate(database().target);

    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readHostTables(database().db)).toEqual(before);
    const repository = createVectorRepository(database().db);
    for (const { id, docId, page, vectorIds } of readLegacyRows('plain')) {
      expect(await repository.findByPage(docId, page)).toMatchObject({
        id,
        vectorIds: JSON.parse(vectorIds),
        grid: null,
        indexedAt: expect.any(Date),
      });
    }
  });

  test('can also be migrated with drizzle-kit migrate', async () => {
    // A separate database, because only one process at a time may use a PGlite directory.
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

describe('rows that cannot be converted', () => {
  test('stop the migration before it changes anything, with an error that says what to do', async () => {
    await loadLegacyDump(database().db, 'mixed');
    const rows = () => select(database().db, 'select * from vectors order by id');
    const before = await rows();
    const error = await thrownBy(migrate(database().target));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({
      tag: '0001_jsonb_ledger',
      message: expect.stringMatching(
        /cannot convert some of the 65 rows of vectors: 12 with a page below 1 \(id 1, 9, 16, 20, 22, 31, 38, 44, 47, 48, \.\.\.\)/,
      ),
      hint: expect.stringContaining('update vectors set page = page + 1'),
    });
    expect(await rows()).toEqual(before);
    expect(
      await select(database().db, "select to_regclass('vector_orphans')::text as found"),
    ).toEqual([{ found: null }]);
  });

  test('are converted after the fix that the error suggests', async () => {
    await loadLegacyDump(database().db, 'mixed');
    const host = await readHostTables(database().db);
    await database().db.execute(sql`update vectors set page = page + 1`);
    await migrate({ ...database().target, duplicates: 'keep-newest' });
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readHostTables(database().db)).toEqual(host);

    // The newest row of a page stays; the ids of older rows are queued.
    const repository = createVectorRepository(database().db);
    const kept = new Map<string, string[]>();
    const replaced: string[][] = [];
    for (const { docId, page, vectorIds } of readLegacyRows('mixed')) {
      const key = `${docId}/${page + 1}`;
      const ids = vectorIds.startsWith('[')
        ? // Not with JSON.parse, which rounds integers above 2^53.
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
      expect((await repository.findByPage(docId, page))?.vectorIds).toEqual(ids);
    }
    const orphans = await database().db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    // The rows of a page in this dump have no id in common.
    expect(orphans.map(({ vectorIds }) => vectorIds)).toEqual(replaced);
    expect(replaced.length).toBeGreaterThan(0);
    expect((await repository.findByPage(5, 1))?.vectorIds[0]).toBe('449278312341234567');
  });
});
