import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
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
import {
  createDocument,
  emptyLedger,
  execute,
  insertStoredPage,
  select,
  useEmptyDatabase,
} from '../support/database.ts';
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
import { thrownBy } from '../support/thrown-by.ts';
import { storedIdLists } from '../support/vector-id-lists.ts';

const database = useEmptyDatabase();
const [createVectors, jsonbLedger, orphanTriggers] = tags as [string, string, string];

function undo(options: RollbackOptions = {}) {
  return rollback({ url: database().url, ...options });
}

/** The ledger's objects in full, and the names of everything in the schema. */
async function readSchema(): Promise<unknown> {
  const { db } = database();
  return {
    ledger: await dumpSchema(db),
    relations: await select(
      db,
      `select relname::text as name, relkind::text as kind from pg_class
       where relnamespace = 'public'::regnamespace order by relname`,
    ),
    functions: await select(
      db,
      `select proname::text as name from pg_proc
       where pronamespace = 'public'::regnamespace order by proname`,
    ),
  };
}

/** Everything that a rejected call must not change. */
async function readAll(): Promise<unknown> {
  const { db } = database();
  return [
    await readSchema(),
    await readJournal(db),
    await select(db, 'select * from vectors order by id'),
    await select(db, 'select * from vector_orphans order by id'),
  ];
}

/** Records the pages exactly as given, numbered from 1. */
async function insertPages(docId: number, pages: readonly StoredVectorId[][]): Promise<void> {
  for (const [index, stored] of pages.entries()) {
    await insertStoredPage(database().db, docId, index + 1, JSON.stringify(stored));
  }
}

/** The texts in the original's column, ordered by page. */
async function readTexts(): Promise<string[]> {
  const query = 'select vector_ids from vectors order by page';
  const rows = await select<{ vector_ids: string }>(database().db, query);
  return rows.map((row) => row.vector_ids);
}

describe('rollback undoes', () => {
  test('one migration by default', async () => {
    await migrate(database().target);
    expect(await undo()).toEqual({ undone: [orphanTriggers], warnings: [] });
    expect(await readJournal(database().db)).toEqual([createVectors, jsonbLedger]);
    expect(await undo()).toEqual({ undone: [jsonbLedger], warnings: [] });
    expect(await undo()).toEqual({ undone: [createVectors], warnings: [] });
    expect(await readJournal(database().db)).toEqual([]);
    expect(await undo()).toEqual({ undone: [], warnings: [] });
  });

  test('the migrations after the one that `to` names', async () => {
    await migrate(database().target);
    expect((await undo({ to: orphanTriggers })).undone).toEqual([]);
    expect((await undo({ to: createVectors })).undone).toEqual([orphanTriggers, jsonbLedger]);
    expect(await readJournal(database().db)).toEqual([createVectors]);
  });

  test('every migration if `all` is set', async () => {
    await migrate(database().target);
    expect((await undo({ all: true })).undone).toEqual(tags.toReversed());
    expect(await readJournal(database().db)).toEqual([]);
    expect((await undo({ all: true })).undone).toEqual([]);
  });

  test('nothing in an empty database', async () => {
    expect(await undo()).toEqual({ undone: [], warnings: [] });
    expect(await undo({ all: true })).toEqual({ undone: [], warnings: [] });
    expect(await readSchema()).toEqual({ ledger: '', relations: [], functions: [] });
  });
});

describe('the schema', () => {
  test.each([
    [orphanTriggers, jsonbLedger],
    [jsonbLedger, createVectors],
  ])('after undoing %s equals the schema after migrating up to %s', async (_, left) => {
    await applyUpTo(database().db, left);
    const expected = await readSchema();
    await execute(database().db, 'drop schema public cascade', 'create schema public');

    await migrate(database().target);
    await undo({ to: left });
    expect(await readSchema()).toEqual(expected);
  });

  test('equals the original’s after undoing all but the first migration', async () => {
    await execute(database().db, ...legacyTables);
    const expected = await readSchema();
    await migrate(database().target);
    expect(await readSchema()).not.toEqual(expected);
    await undo({ to: createVectors });
    expect(await readSchema()).toEqual(expected);
  });

  test('has only documents, with its rows, after undoing every migration', async () => {
    await migrate(database().target);
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

  test('is up to date again after a rollback and another migrate', async () => {
    await migrate(database().target);
    for (const to of [jsonbLedger, createVectors, undefined]) {
      await undo(to === undefined ? { all: true } : { to });
      const { applied } = await migrate(database().target);
      expect(applied).toEqual(to === undefined ? tags : tags.slice(tags.indexOf(to) + 1));
      await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
      expect(await migrationStatus(database().target)).toMatchObject({ pending: [], drift: [] });
    }
  });
});

describe('a rollback of a database that Alembic created', () => {
  test.each<[LegacyDump, number]>([
    ['plain', 0],
    ['mixed', 1],
  ])('keeps every row of the host’s tables (%s)', async (dump, pageOffset) => {
    const { db } = database();
    await loadLegacyDump(db, dump);
    const host = await readHostTables(db);
    // Pages of `mixed` count from 0.
    await execute(db, `update vectors set page = page + ${pageOffset}`);
    await migrate({ ...database().target, duplicates: 'keep-newest' });
    const pages = await db.$count(vectors);
    const queued = await db.$count(vectorOrphans);

    const { undone, warnings } = await undo({ all: true });
    expect(undone).toEqual(tags.toReversed());
    expect(warnings).toContain(
      `pages whose vector ids were dropped: ${pages}; their vectors stay in the vector store`,
    );
    expect(await readHostTables(db)).toEqual(host);
    const left = ['alembic_version', 'documents', 'users'];
    expect(
      await select(
        db,
        `select tablename::text as name from pg_tables where schemaname = 'public' order by 1`,
      ),
    ).toEqual([...left, ...(queued > 0 ? ['vector_orphans'] : [])].map((name) => ({ name })));
  });

  test('restores the exact text of every row', async () => {
    await loadLegacyDump(database().db, 'plain');
    await migrate(database().target);
    await undo({ to: createVectors });
    expect(
      await select(
        database().db,
        'select id, doc_id as "docId", page, vector_ids as "vectorIds" from vectors order by id',
      ),
    ).toEqual(readLegacyRows('plain'));
  });
});

describe('a rollback to text', () => {
  test('writes every id of a run', async () => {
    await migrate(database().target);
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
    await insertPages(
      docId,
      pages.map(([stored]) => stored),
    );
    await undo({ to: createVectors });
    const texts = await readTexts();
    expect(texts.map((text) => JSON.parse(text))).toEqual(pages.map(([, ids]) => ids));
    // In the notation of Python's json.dumps.
    expect(texts.slice(0, 2)).toEqual(['[]', '["p9", "p10", "p11"]']);
  });

  test('and another migrate keep all ids in order', async () => {
    await migrate(database().target);
    const docId = await createDocument(database().db);
    // Neither the repository nor the migration accepts an empty id.
    const lists = storedIdLists().map((list) => list.filter((element) => element !== ''));
    await fc.assert(
      fc.asyncProperty(fc.array(lists, { minLength: 60, maxLength: 60 }), async (pages) => {
        await emptyLedger(database().db);
        await insertPages(docId, pages);
        const expected = pages.map(decodeVectorIds);

        await undo({ to: createVectors });
        expect((await readTexts()).map((text) => JSON.parse(text))).toEqual(expected);
        await migrate(database().target);
        const found = await createVectorRepository(database().db).findByDocument(docId);
        expect(found.map(({ vectorIds }) => vectorIds)).toEqual(expected);
      }),
      { numRuns: 4 },
    );
  });
});

describe('the warnings of a rollback', () => {
  test('count what the older schema cannot store, and the queue survives a rollback and another migrate', async () => {
    const { db } = database();
    await migrate(database().target);
    const docId = await createDocument(db);
    const repository = createVectorRepository(db);
    const grid = { cols: 1, rows: 1, start: 0 };
    await repository.upsertPages([
      { docId, page: 1, vectorIds: ['a'], grid },
      { docId, page: 2, vectorIds: ['b'], grid },
      { docId, page: 3, vectorIds: [], namespace: 'tenant' },
    ]);
    await repository.upsertPages([{ docId, page: 4, vectorIds: ['d'] }], { pending: true });
    for (const page of [1, 2, 4])
      await repository.upsertPage({ docId, page, vectorIds: ['new'], grid });
    await repository.upsertPages([{ docId, page: 5, vectorIds: ['e'] }], { pending: true });
    const readPages = () =>
      select(db, 'select id, doc_id, page, vector_ids from vectors order by id');
    const pages = await readPages();
    const queued = await db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    expect(queued.map(({ vectorIds }) => vectorIds)).toEqual([['a'], ['b'], ['d']]);

    expect(await undo({ to: createVectors })).toEqual({
      undone: [orphanTriggers, jsonbLedger],
      warnings: [
        'pages that lose their grid: 3',
        'pages that lose their namespace: 1',
        'pages that are no longer marked as pending: 1',
        'rows that still wait in vector_orphans for a purge: 3; the table stays',
      ],
    });
    expect(await migrate(database().target)).toMatchObject({ warnings: [] });
    expect(await readPages()).toEqual(pages);
    expect(await db.select().from(vectorOrphans).orderBy(vectorOrphans.id)).toEqual(queued);

    // The triggers work again.
    await repository.deleteByPage(docId, 5);
    expect(await db.$count(vectorOrphans)).toBe(4);
    expect((await undo({ all: true })).warnings).toEqual([
      'rows that still wait in vector_orphans for a purge: 4; the table stays',
      'pages whose vector ids were dropped: 4; their vectors stay in the vector store',
    ]);
    expect(await migrate(database().target)).toMatchObject({ applied: tags });
    expect(await db.select().from(vectorOrphans).orderBy(vectorOrphans.id)).toMatchObject([
      ...queued,
      { docId, page: 5, vectorIds: ['e'] },
    ]);
  });

  test('are empty for an empty ledger', async () => {
    await migrate(database().target);
    expect((await undo({ all: true })).warnings).toEqual([]);
  });
});

describe('if somebody dropped vectors, a rollback', () => {
  /** Drops the tables, as a person would, after undoing the migrations that are newer than `to`. */
  async function dropAt(to: string, tables = 'vectors'): Promise<void> {
    await migrate(database().target);
    await undo({ to });
    await execute(database().db, `drop table ${tables} cascade`);
  }
  const drops = tags.flatMap((tag) =>
    [tag].concat(tag === createVectors ? [] : 'with vector_orphans').map((what) => [tag, what]),
  ) as [string, string][];

  test.each(drops)('removes what is left (%s, %s)', async (tag, what) => {
    await dropAt(tag, what === tag ? 'vectors' : 'vectors, vector_orphans');
    const applied = tags.slice(0, tags.indexOf(tag) + 1);
    expect(await undo()).toEqual({ undone: [tag], warnings: [] });
    expect(await undo({ all: true })).toEqual({
      undone: applied.slice(0, -1).reverse(),
      warnings: [],
    });
    expect(await readJournal(database().db)).toEqual([]);
    expect(await readSchema()).toMatchObject({ ledger: '', functions: [] });
    expect((await migrate(database().target)).applied).toEqual(tags);
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
  });

  test('keeps queued ids, and migrate says to roll back', async () => {
    const { db } = database();
    await migrate(database().target);
    const docId = await createDocument(db);
    await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await createVectorRepository(db).deleteByPage(docId, 1);
    await execute(db, 'drop table vectors cascade');
    await expect(migrate(database().target)).rejects.toThrow(
      /vectors was dropped: run rollback --all/,
    );
    expect((await undo({ all: true })).undone).toEqual(tags.toReversed());
    expect((await migrate(database().target)).applied).toEqual(tags);
    expect(await db.$count(vectorOrphans)).toBe(1);
  });
});

describe('rollback changes nothing and throws', () => {
  test('if `to` names a migration that is not applied', async () => {
    for (const to of tags) {
      await expect(undo({ to })).rejects.toMatchObject({ name: 'MigrationError', tag: to });
    }
    await migrate(database().target);
    await undo();
    const before = await readAll();
    await expect(undo({ to: orphanTriggers })).rejects.toThrow(MigrationError);
    expect(await readAll()).toEqual(before);
  });

  test('if a host’s view depends on a column that it would drop', async () => {
    const { db } = database();
    await migrate(database().target);
    const docId = await createDocument(db);
    await createVectorRepository(db).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    await execute(db, 'create view host_grids as select doc_id, grid from vectors');
    const before = await readAll();
    for (const options of [{ all: true }, { to: createVectors }]) {
      const error = await thrownBy(undo(options));
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
    // A newer migration can still be undone.
    expect((await undo()).undone).toEqual([orphanTriggers]);
  });

  test('if a newer version of the package has applied a migration', async () => {
    await migrate(database().target);
    await listUnknownMigration(database().db);
    const before = await readAll();
    for (const options of [{}, { all: true }, { to: createVectors }]) {
      await expect(undo(options)).rejects.toThrow(/1 migration that this version .* does not have/);
    }
    expect(await readAll()).toEqual(before);
  });
});

test('rollback undoes the applied migrations of a journal with a gap', async () => {
  await migrate(database().target);
  await forgetMigration(database().db, jsonbLedger);
  expect((await undo()).undone).toEqual([orphanTriggers]);
  expect(await readJournal(database().db)).toEqual([createVectors]);
  // The missing migration is now the newest pending one; it can be applied although its changes exist.
  expect((await migrate(database().target)).applied).toEqual([jsonbLedger, orphanTriggers]);
  await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
});
