import { sql } from 'drizzle-orm';
import { describe, expect, inject, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  MigrationError,
  migrate,
  migrationStatus,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, execute, useEmptyDatabase } from '../support/database.ts';
import { legacyTables } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

/** What the original's tables became in other hands, and every text that its column may hold. */
const database = useEmptyDatabase();

/** Makes the original's tables, with a document 1 that has these pages; a page's number counts from 1. */
async function createLegacy(vectorIds: readonly string[], tables = legacyTables): Promise<void> {
  const { db } = database();
  await execute(db, ...tables);
  await createDocument(db);
  for (const [index, text] of vectorIds.entries()) await insertLegacy(index + 1, text);
}

async function insertLegacy(page: number, vectorIds: string): Promise<void> {
  await database().db.execute(
    sql`insert into vectors (doc_id, page, vector_ids) values (1, ${page}, ${vectorIds})`,
  );
}

async function select(query: string): Promise<unknown[]> {
  return rowsOf(await database().db.execute(sql.raw(query)));
}

/** Document 1's pages as the ledger has them. */
async function readPages(): Promise<string[][]> {
  const pages = await createVectorRepository(database().db).findByDocument(1);
  return pages.map(({ vectorIds }) => vectorIds);
}

/** Expects `migrate` to fail, and the database to be what it was; gives the error. */
async function expectRefusal(): Promise<MigrationError> {
  const before = [await dumpSchema(database().db), await select('select * from vectors')];
  const error: unknown = await migrate(database()).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(MigrationError);
  expect([await dumpSchema(database().db), await select('select * from vectors')]).toEqual(before);
  expect(await select("select to_regclass('vector_orphans')::text as found")).toEqual([
    { found: null },
  ]);
  expect(await migrationStatus(database())).toMatchObject({ applied: [], unknown: 0 });
  return error as MigrationError;
}

/** The original's tables with some words replaced. */
function legacyTablesWith(before: string, after: string): string[] {
  const tables = legacyTables.map((statement) => statement.replace(before, after));
  expect(tables).not.toEqual(legacyTables);
  return tables;
}

const foreignKey = 'references documents (id) on delete cascade';

describe('a table with', () => {
  test.each([
    ['a foreign key that does not cascade', foreignKey, 'references documents (id)'],
    ['a foreign key that sets null', foreignKey, 'references documents (id) on delete set null'],
    ['a foreign key of another name', foreignKey, `constraint fk_vectors_documents ${foreignKey}`],
    [
      'two foreign keys',
      foreignKey,
      `constraint fk_1 references documents (id) constraint fk_2 ${foreignKey}`,
    ],
    ['a foreign key that also updates', foreignKey, `${foreignKey} on update cascade`],
    ['a foreign key that is checked at commit', foreignKey, `${foreignKey} initially deferred`],
    ['no foreign key', foreignKey, ''],
    ['no index', 'create index ix_vectors_doc_id on vectors (doc_id)', 'select'],
    ['ids of a limited length', 'vector_ids text', 'vector_ids varchar(100)'],
    ['ids as json', 'vector_ids text', 'vector_ids json'],
    ['ids that have a default', 'text not null', "text not null default '[]'"],
    ['ids that may be null', 'vector_ids text not null', 'vector_ids text'],
    ['pages that may be null', 'page integer not null', 'page integer'],
    ['documents that may be null', `doc_id integer not null ${foreignKey}`, 'doc_id integer'],
  ])('%s becomes what a fresh database gets', async (_, before, after) => {
    await createLegacy(['["a", "b"]'], legacyTablesWith(before, after));
    expect(await migrate(database())).toMatchObject({ warnings: [] });
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readPages()).toEqual([['a', 'b']]);
  });

  test('no rows becomes what a fresh database gets', async () => {
    await createLegacy([]);
    expect(await migrate(database())).toMatchObject({ warnings: [] });
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readPages()).toEqual([]);
  });

  test('a page that nobody counted is refused', async () => {
    await createLegacy(['["a"]'], legacyTablesWith('page integer not null', 'page integer'));
    await execute(database().db, 'insert into vectors (doc_id, vector_ids) values (1, \'["b"]\')');
    expect(await expectRefusal()).toMatchObject({
      tag: '0001_jsonb_ledger',
      cause: { code: '23502' },
    });
  });
});

describe('what a host added', () => {
  test('to documents stays, with its values', async () => {
    await createLegacy(
      ['["a"]'],
      legacyTablesWith(
        'primary key)',
        "primary key, title text default 'untitled', owner integer)",
      ),
    );
    await execute(database().db, "insert into documents (title, owner) values ('Second', 7)");
    const documents = await select('select * from documents order by id');
    await migrate(database());
    expect(await select('select * from documents order by id')).toEqual(documents);
    expect(documents).toEqual([
      { id: 1, title: 'untitled', owner: null },
      { id: 2, title: 'Second', owner: 7 },
    ]);
  });

  test('to vectors stays, its own reference to documents with it', async () => {
    await createLegacy(['["a"]']);
    await execute(
      database().db,
      'alter table vectors add column copied_from integer constraint copied references documents (id)',
      'update vectors set copied_from = 1',
    );
    await migrate(database());
    expect(await select('select doc_id, copied_from from vectors')).toEqual([
      { doc_id: 1, copied_from: 1 },
    ]);
    expect(
      await select(`
        select conname::text as name from pg_constraint
        where conrelid = 'vectors'::regclass and contype = 'f' order by conname`),
    ).toEqual([{ name: 'copied' }, { name: 'vectors_doc_id_fkey' }]);
    expect((await migrationStatus(database())).drift).toEqual([]);
  });

  test('on top of vector_ids stops the migration before anything has changed', async () => {
    await createLegacy(['["a"]']);
    await execute(database().db, 'create view host_ids as select vector_ids from vectors');
    expect(await expectRefusal()).toMatchObject({
      tag: '0001_jsonb_ledger',
      cause: { code: '0A000' },
    });
  });
});

test('a page without its document stops the migration before anything has changed', async () => {
  await createLegacy(['["a"]'], legacyTablesWith(foreignKey, ''));
  await execute(database().db, "insert into vectors (doc_id, page, vector_ids) values (2, 1, 'b')");
  expect(await expectRefusal()).toMatchObject({
    tag: '0000_create_vectors',
    cause: { code: '23503' },
  });
});

/** Every digit counts: each of these is another point in the store, and the last fits no 64 bits. */
const integers = [
  '0',
  '-7',
  '9007199254740993',
  '449278312341234567',
  '18446744073709551615',
  '99999999999999999999999',
];

test('every list of ids is taken over as it is', async () => {
  const taken: [text: string, ids: string[]][] = [
    ['["a", "b"]', ['a', 'b']],
    ['["a","b"]', ['a', 'b']],
    ['[ "a" ,\t"b" ]', ['a', 'b']],
    [' \r\n\t[\n  "a",\n  "b"\n]\n', ['a', 'b']],
    ['["b", "a", "b"]', ['b', 'a', 'b']],
    ['[]', []],
    [' [ ] ', []],
    ['', []],
    [' \n', []],
    [`[${integers.join(', ')}]`, integers],
    [JSON.stringify(integers), integers],
    [integers.join(','), integers],
    ['["007", 7, "7.0", "1e3"]', ['007', '7', '7.0', '1e3']],
    ['007,7', ['007', '7']],
    [
      '["a, b", "[c]", "\'d\'", "e\\"f", "g\\\\h", "\\n", " "]',
      ['a, b', '[c]', "'d'", 'e"f', 'g\\h', '\n', ' '],
    ],
    ['["null", "None", "true"]', ['null', 'None', 'true']],
    [
      '["\\u00e9", "é", "e\\u0301", "\\ud83d\\ude00", "😀", "頁"]',
      ['é', 'é', 'e\u0301', '😀', '😀', '頁'],
    ],
    ['é,😀,頁-1', ['é', '😀', '頁-1']],
    ['a', ['a']],
    ['a,b', ['a', 'b']],
    [' a ,\tb\r\n,\nc ', ['a', 'b', 'c']],
    ['6f1c,doc#1/p:2@x.y_z-0', ['6f1c', 'doc#1/p:2@x.y_z-0']],
    ['0d5e7a2c-9f35-4c1e-8a52-0d5e7a2c9f35', ['0d5e7a2c-9f35-4c1e-8a52-0d5e7a2c9f35']],
  ];
  await createLegacy(taken.map(([text]) => text));
  expect(await migrate(database())).toMatchObject({ warnings: [] });
  expect(await readPages()).toEqual(taken.map(([, ids]) => ids));
  expect(await database().db.$count(vectorOrphans)).toBe(0);
});

test('what is no list of ids is refused, each by its row', async () => {
  const refused = [
    // JSON that is not an array of strings and integers
    '["a", null]',
    '[["a"]]',
    '["a", []]',
    '[{"id": "a"}]',
    '["a", true]',
    '["a", ""]',
    '[1.5]',
    '[1.0]',
    '[1e3]',
    '[1E22]',
    '{"ids": ["a"]}',
    '"a"',
    // text that is not JSON
    '["a", "b",]',
    '["a" "b"]',
    '["a"',
    '["a"] ["b"]',
    "['a', 'b']",
    '[a, b]',
    '[NaN]',
    '["\\u0000"]',
    '["\\ud800"]',
    '["\\ude00\\ud83d"]',
    '["\\x"]',
    // Deeper than the server's stack; PGlite hangs where that ends, at 10 000.
    '['.repeat(inject('driver') === 'pglite' ? 1000 : 100_000),
    // other notations
    'a,b,',
    ',a',
    'a,,b',
    ',',
    'a b',
    'a;b c',
    "'a','b'",
    '"a","b"',
    '(a,b)',
    '{a,b}',
    // no list at all
    'null',
    'None',
    ' null ',
    'a,None,b',
    'null,null',
  ];
  // A page that could be taken over before, between and behind them.
  await createLegacy(refused.flatMap((text) => ['["good"]', text]).concat('["good"]'));
  const error = await expectRefusal();
  expect(error).toMatchObject({ tag: '0001_jsonb_ledger', cause: { code: '23514' } });
  expect(error.message).toContain(
    `cannot convert some of the ${2 * refused.length + 1} rows of vectors: ` +
      `${refused.length} with vector_ids that are not a list of ids (id 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, ...)`,
  );

  // And it was none of the others that was counted.
  await execute(database().db, 'delete from vectors where id % 2 = 0');
  await migrate(database());
  expect(await readPages()).toEqual(Array(refused.length + 1).fill(['good']));
});

describe('the error', () => {
  test('names up to ten rows of each kind, and no more than there are', async () => {
    await createLegacy([]);
    for (let page = -9; page <= 1; page += 1) await insertLegacy(page, page < -7 ? '[null]' : 'a');
    const { message, hint } = await expectRefusal();
    expect(message).toContain(
      'cannot convert some of the 11 rows of vectors: ' +
        '10 with a page below 1 (id 1, 2, 3, 4, 5, 6, 7, 8, 9, 10); ' +
        '2 with vector_ids that are not a list of ids (id 1, 2)\nHint: ',
    );
    expect(hint).toBe(
      'Pages count from 1. If your pipeline counted from 0, run: update vectors set page = page + 1; ' +
        'vector_ids must be a JSON array of strings or integers, or ids separated by commas. Fix or delete these rows.',
    );
  });

  test('says what is wrong and nothing else', async () => {
    await createLegacy([]);
    await insertLegacy(0, '["a"]');
    expect(await expectRefusal()).toMatchObject({
      message: expect.stringMatching(/rows of vectors: 1 with a page below 1 \(id 1\)\n/),
      hint: expect.not.stringContaining('vector_ids'),
    });
    await execute(database().db, "update vectors set page = 1, vector_ids = '[null]'");
    expect(await expectRefusal()).toMatchObject({
      message: expect.stringMatching(
        /rows of vectors: 1 with vector_ids that are not a list of ids \(id 1\)\n/,
      ),
      hint: expect.not.stringMatching(/[Pp]age|Python/),
    });
  });

  test('has the statement that mends pages counted from 0', async () => {
    await createLegacy([]);
    await insertLegacy(0, '["a"]');
    await insertLegacy(1, '["b"]');
    const { hint = '' } = await expectRefusal();
    await execute(database().db, statementIn(hint));
    await migrate(database());
    const pages = await createVectorRepository(database().db).findByDocument(1);
    expect(pages).toMatchObject([
      { page: 1, vectorIds: ['a'] },
      { page: 2, vectorIds: ['b'] },
    ]);
  });

  test('has the statement that mends lists as Python prints them', async () => {
    await createLegacy(["['a', 'b']", '["it\'s"]', 'c', "['d']"]);
    const { hint = '' } = await expectRefusal();
    await execute(database().db, statementIn(hint));
    await migrate(database());
    expect(await readPages()).toEqual([['a', 'b'], ["it's"], ['c'], ['d']]);
  });
});

/** The statement that a hint says to run. */
function statementIn(hint: string): string {
  const statement = /: (update [^;]*);/.exec(hint)?.[1];
  if (statement === undefined) throw new Error(`no statement in: ${hint}`);
  return statement;
}

describe('pages that were recorded more than once', () => {
  test('keep the newest row, the ids of the older wait in their order', async () => {
    const { db } = database();
    await createLegacy(['["first"]', '["only"]']);
    await createDocument(db);
    await insertLegacy(1, 'second,2');
    await insertLegacy(1, '[3]');
    await execute(
      db,
      'insert into vectors (doc_id, page, vector_ids) values (2, 1, \'["other"]\')',
    );
    await insertLegacy(3, '');
    await insertLegacy(3, '["late"]');

    expect(await migrate(database())).toMatchObject({
      warnings: [
        'older rows deleted because their page has a newer row: 3; their ids wait in vector_orphans',
      ],
    });
    const kept = await select('select id, doc_id, page, vector_ids from vectors order by id');
    expect(kept).toEqual([
      { id: 2, doc_id: 1, page: 2, vector_ids: ['only'] },
      { id: 4, doc_id: 1, page: 1, vector_ids: ['3'] },
      { id: 5, doc_id: 2, page: 1, vector_ids: ['other'] },
      { id: 7, doc_id: 1, page: 3, vector_ids: ['late'] },
    ]);
    const queued = await db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    expect(queued.map(({ docId, page, vectorIds }) => ({ docId, page, vectorIds }))).toEqual([
      { docId: 1, page: 1, vectorIds: ['first'] },
      { docId: 1, page: 1, vectorIds: ['second', '2'] },
    ]);
    // The next page gets an id of its own.
    const ledger = createVectorRepository(db);
    await ledger.upsertPage({ docId: 1, page: 9, vectorIds: ['new'] });
    expect(await ledger.findByPage(1, 9)).toMatchObject({ id: 8 });
  });
});
