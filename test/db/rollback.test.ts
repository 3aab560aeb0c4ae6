import { sql } from 'drizzle-orm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  decodeVectorIds,
  documents,
  MigrationError,
  migrate,
  migrationStatus,
  type RollbackOptions,
  rollback,
  type StoredVectorId,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { createDocument, execute, useEmptyDatabase } from '../support/database.ts';
import {
  type LegacyDump,
  legacyTables,
  loadLegacyDump,
  readHostTables,
  readLegacyRows,
} from '../support/legacy.ts';
import {
  applyUpTo,
  forgetMigration,
  listUnknownMigration,
  readJournal,
  tags,
} from '../support/migrations.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';
import { storedIdLists } from '../support/vector-id-lists.ts';

const database = useEmptyDatabase();
const [createVectors, jsonbLedger, orphanTriggers] = tags as [string, string, string];

function undo(options: RollbackOptions = {}) {
  return rollback({ url: database().url, ...options });
}

async function select(query: string): Promise<unknown[]> {
  return rowsOf(await database().db.execute(sql.raw(query)));
}

/** All that is in the schema: the ledger in every detail, and whatever else there is by its name. */
async function readSchema(): Promise<unknown> {
  return {
    ledger: await dumpSchema(database().db),
    relations: await select(`
      select relname::text as name, relkind::text as kind from pg_class
      where relnamespace = 'public'::regnamespace order by relname`),
    functions: await select(`
      select proname::text as name from pg_proc
      where pronamespace = 'public'::regnamespace order by proname`),
  };
}

/** The database as it is now and as it was, where a call must not have changed it. */
async function readAll(): Promise<unknown> {
  return [
    await readSchema(),
    await readJournal(database().db),
    await select('select * from vectors order by id'),
    await select('select * from vector_orphans order by id'),
  ];
}

/** Inserts a page as the column stores it. */
async function insertStored(docId: number, page: number, stored: StoredVectorId[]): Promise<void> {
  await database().db.execute(sql`
    insert into vectors (doc_id, page, vector_ids)
    values (${docId}, ${page}, ${JSON.stringify(stored)}::text::jsonb)`);
}

/** The pages' texts in the original's column, by page. */
async function readTexts(): Promise<string[]> {
  const rows = await select('select vector_ids from vectors order by page');
  return (rows as { vector_ids: string }[]).map((row) => row.vector_ids);
}

describe('how far back', () => {
  test('is one step unless said', async () => {
    await migrate(database());
    expect(await undo()).toEqual({ undone: [orphanTriggers], warnings: [] });
    expect(await readJournal(database().db)).toEqual([createVectors, jsonbLedger]);
    expect(await undo()).toEqual({ undone: [jsonbLedger], warnings: [] });
    expect(await undo()).toEqual({ undone: [createVectors], warnings: [] });
    expect(await readJournal(database().db)).toEqual([]);
    expect(await undo()).toEqual({ undone: [], warnings: [] });
  });

  test('is the migration that `to` names, which stays', async () => {
    await migrate(database());
    expect((await undo({ to: orphanTriggers })).undone).toEqual([]);
    expect((await undo({ to: createVectors })).undone).toEqual([orphanTriggers, jsonbLedger]);
    expect(await readJournal(database().db)).toEqual([createVectors]);
  });

  test('is the beginning with `all`', async () => {
    await migrate(database());
    expect((await undo({ all: true })).undone).toEqual(tags.toReversed());
    expect(await readJournal(database().db)).toEqual([]);
    expect((await undo({ all: true })).undone).toEqual([]);
  });

  test('is nothing in an empty database', async () => {
    expect(await undo()).toEqual({ undone: [], warnings: [] });
    expect(await undo({ all: true })).toEqual({ undone: [], warnings: [] });
    expect(await readSchema()).toEqual({ ledger: '', relations: [], functions: [] });
  });
});

describe('after each step the schema is', () => {
  test.each([
    [orphanTriggers, jsonbLedger],
    [jsonbLedger, createVectors],
  ])('before %s what migrating up to %s gives', async (_, left) => {
    await applyUpTo(database().db, left);
    const expected = await readSchema();
    await execute(database().db, 'drop schema public cascade', 'create schema public');

    await migrate(database());
    await undo({ to: left });
    expect(await readSchema()).toEqual(expected);
  });

  test('the original’s, when JSONB and triggers are undone', async () => {
    await execute(database().db, ...legacyTables);
    const expected = await readSchema();
    await migrate(database());
    expect(await readSchema()).not.toEqual(expected);
    await undo({ to: createVectors });
    expect(await readSchema()).toEqual(expected);
  });

  test('documents alone, when all is undone, with its rows', async () => {
    await migrate(database());
    await createDocument(database().db);
    await undo({ all: true });
    expect(await readSchema()).toMatchObject({
      relations: [
        { name: 'documents', kind: 'r' },
        { name: 'documents_id_seq', kind: 'S' },
        { name: 'documents_pkey', kind: 'i' },
      ],
      functions: [],
    });
    expect(await database().db.$count(documents)).toBe(1);
  });

  test('the newest again on the way up', async () => {
    await migrate(database());
    for (const to of [jsonbLedger, createVectors, undefined]) {
      await undo(to === undefined ? { all: true } : { to });
      const { applied } = await migrate(database());
      expect(applied).toEqual(to === undefined ? tags : tags.slice(tags.indexOf(to) + 1));
      await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
      expect(await migrationStatus(database())).toMatchObject({ pending: [], drift: [] });
    }
  });
});

describe('a database that Alembic made', () => {
  test.each<[LegacyDump, number]>([
    ['plain', 0],
    ['mixed', 1],
  ])('%s: keeps every row of its other tables when all is undone', async (dump, firstPage) => {
    const { db } = database();
    await loadLegacyDump(db, dump);
    const host = await readHostTables(db);
    // Pages of `mixed` count from 0.
    await execute(db, `update vectors set page = page + ${firstPage}`);
    await migrate(database());
    const pages = await db.$count(vectors);
    const waiting = await db.$count(vectorOrphans);

    const { undone, warnings } = await undo({ all: true });
    expect(undone).toEqual(tags.toReversed());
    expect(warnings).toContain(
      `pages whose vector ids were dropped: ${pages}; their vectors stay in the vector store`,
    );
    expect(await readHostTables(db)).toEqual(host);
    const left = ['alembic_version', 'documents', 'users'];
    expect(
      await select(
        `select tablename::text as name from pg_tables where schemaname = 'public' order by 1`,
      ),
    ).toEqual([...left, ...(waiting > 0 ? ['vector_orphans'] : [])].map((name) => ({ name })));
  });

  test('gets back the very text that it had', async () => {
    await loadLegacyDump(database().db, 'plain');
    await migrate(database());
    await undo({ to: createVectors });
    expect(
      await select(
        'select id, doc_id as "docId", page, vector_ids as "vectorIds" from vectors order by id',
      ),
    ).toEqual(readLegacyRows('plain'));
  });
});

describe('the way back to text', () => {
  test('writes out the ids of every run', async () => {
    await migrate(database());
    const docId = await createDocument(database().db);
    const uuid = '0d5e7a2c-9f35-4c1e-8a52-0d5e7a2c9';
    const pages: [stored: StoredVectorId[], ids: string[]][] = [
      [[], []],
      [[{ prefix: 'p', from: '9', count: 3 }], ['p9', 'p10', 'p11']],
      [[{ prefix: '', from: '098', count: 3, radix: 10 }], ['098', '099', '100']],
      [[{ prefix: 'p', from: '9998', count: 2 }], ['p9998', 'p9999']],
      [
        [{ prefix: uuid, from: '00e', count: 3, radix: 16 }],
        [`${uuid}00e`, `${uuid}00f`, `${uuid}010`],
      ],
      [
        ['b', { prefix: 'x', from: '0', count: 2 }, 'a', '{"prefix": "x"}'],
        ['b', 'x0', 'x1', 'a', '{"prefix": "x"}'],
      ],
      [
        ['"', '\\', '\n', 'é', '😀', "'", ','],
        ['"', '\\', '\n', 'é', '😀', "'", ','],
      ],
    ];
    for (const [index, [stored]] of pages.entries()) await insertStored(docId, index + 1, stored);
    await undo({ to: createVectors });
    const texts = await readTexts();
    expect(texts.map((text) => JSON.parse(text))).toEqual(pages.map(([, ids]) => ids));
    // As Python's json.dumps writes them.
    expect(texts.slice(0, 2)).toEqual(['[]', '["p9", "p10", "p11"]']);
  });

  test('and up again gives the ids that the decoder gives, in their order', async () => {
    await migrate(database());
    const docId = await createDocument(database().db);
    // The repository takes no empty id, and neither does the way up.
    const lists = storedIdLists().map((list) => list.filter((element) => element !== ''));
    await fc.assert(
      fc.asyncProperty(fc.array(lists, { minLength: 60, maxLength: 60 }), async (pages) => {
        await database().db.delete(vectors);
        await database().db.delete(vectorOrphans);
        for (const [index, stored] of pages.entries()) await insertStored(docId, index + 1, stored);
        const expected = pages.map(decodeVectorIds);

        await undo({ to: createVectors });
        expect((await readTexts()).map((text) => JSON.parse(text))).toEqual(expected);
        await migrate(database());
        const found = await createVectorRepository(database().db).findByDocument(docId);
        expect(found.map(({ vectorIds }) => vectorIds)).toEqual(expected);
      }),
      { numRuns: 4 },
    );
  });
});

describe('what the older schema has no place for', () => {
  test('is counted in the warnings, and waiting ids outlive the way down and up', async () => {
    const { db } = database();
    await migrate(database());
    const docId = await createDocument(db);
    const ledger = createVectorRepository(db);
    const grid = { cols: 1, rows: 1, start: 0 };
    await ledger.upsertPages([
      { docId, page: 1, vectorIds: ['a'], grid },
      { docId, page: 2, vectorIds: ['b'], grid },
      { docId, page: 3, vectorIds: [] },
    ]);
    await ledger.upsertPages([{ docId, page: 4, vectorIds: ['d'] }], { pending: true });
    for (const page of [1, 2, 4])
      await ledger.upsertPage({ docId, page, vectorIds: ['new'], grid });
    await ledger.upsertPages([{ docId, page: 5, vectorIds: ['e'] }], { pending: true });
    const pages = await select('select id, doc_id, page, vector_ids from vectors order by id');
    const waiting = await db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    expect(waiting.map(({ vectorIds }) => vectorIds)).toEqual([['a'], ['b'], ['d']]);

    expect(await undo({ to: createVectors })).toEqual({
      undone: [orphanTriggers, jsonbLedger],
      warnings: [
        'pages that lose their grid: 3',
        'pages that are no longer marked as pending: 1',
        'rows that still wait in vector_orphans for a purge: 3; the table stays',
      ],
    });
    expect(await migrate(database())).toMatchObject({ warnings: [] });
    expect(await select('select id, doc_id, page, vector_ids from vectors order by id')).toEqual(
      pages,
    );
    expect(await db.select().from(vectorOrphans).orderBy(vectorOrphans.id)).toEqual(waiting);

    // The triggers are at work again.
    await ledger.deleteByPage(docId, 5);
    expect(await db.$count(vectorOrphans)).toBe(4);
    expect((await undo({ all: true })).warnings).toEqual([
      'rows that still wait in vector_orphans for a purge: 4; the table stays',
      'pages whose vector ids were dropped: 4; their vectors stay in the vector store',
    ]);
    expect(await migrate(database())).toMatchObject({ applied: tags });
    expect(await db.select().from(vectorOrphans).orderBy(vectorOrphans.id)).toMatchObject([
      ...waiting,
      { docId, page: 5, vectorIds: ['e'] },
    ]);
  });

  test('is nothing to warn of where there is nothing', async () => {
    await migrate(database());
    expect((await undo({ all: true })).warnings).toEqual([]);
  });
});

describe('refused, with nothing changed:', () => {
  test('a migration that is not applied', async () => {
    for (const to of tags) {
      await expect(undo({ to })).rejects.toMatchObject({ name: 'MigrationError', tag: to });
    }
    await migrate(database());
    await undo();
    const before = await readAll();
    await expect(undo({ to: orphanTriggers })).rejects.toThrow(MigrationError);
    expect(await readAll()).toEqual(before);
  });

  test('a step that something of the host stands in the way of', async () => {
    const { db } = database();
    await migrate(database());
    const docId = await createDocument(db);
    await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await execute(db, 'create view host_grids as select doc_id, grid from vectors');
    const before = await readAll();
    for (const options of [{ all: true }, { to: createVectors }]) {
      const error: unknown = await undo(options).catch((thrown: unknown) => thrown);
      expect(error).toBeInstanceOf(MigrationError);
      expect(error).toMatchObject({
        tag: jsonbLedger,
        message: expect.stringContaining(
          `Undoing migration ${jsonbLedger} failed and changed nothing`,
        ),
        cause: { code: '2BP01' },
      });
      expect(await readAll()).toEqual(before);
    }
    // What is newer than that can be undone.
    expect((await undo()).undone).toEqual([orphanTriggers]);
  });

  test('what a newer version of the package applied', async () => {
    await migrate(database());
    await listUnknownMigration(database().db);
    const before = await readAll();
    for (const options of [{}, { all: true }, { to: createVectors }]) {
      await expect(undo(options)).rejects.toThrow(/1 migration that this version .* does not have/);
    }
    expect(await readAll()).toEqual(before);
  });
});

test('of a list with a gap the applied ones are undone', async () => {
  await migrate(database());
  await forgetMigration(database().db, jsonbLedger);
  expect((await undo()).undone).toEqual([orphanTriggers]);
  expect(await readJournal(database().db)).toEqual([createVectors]);
  // Now the one that is missing is the newest, and may be applied to what it did before.
  expect((await migrate(database())).applied).toEqual([jsonbLedger, orphanTriggers]);
  await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
});
