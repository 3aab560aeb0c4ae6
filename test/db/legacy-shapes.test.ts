import { sql } from 'drizzle-orm';
import { describe, expect, inject, test } from 'vitest';
import {
  createVectorRepository,
  MigrationError,
  migrate,
  migrationStatus,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, execute, select, useEmptyDatabase } from '../support/database.ts';
import { legacyTables } from '../support/legacy.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';
import { thrownBy } from '../support/thrown-by.ts';

/** Variants of the original's tables in other databases, and every text that its column may contain. */
const database = useEmptyDatabase();

/** Creates the original's tables, and document 1 with these pages, numbered from 1. */
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

/** The ids of document 1's pages in the migrated ledger. */
async function readPages(): Promise<string[][]> {
  const pages = await createVectorRepository(database().db).findByDocument(1);
  return pages.map(({ vectorIds }) => vectorIds);
}

/** Expects `migrate` to fail and to leave the database unchanged. Returns the error. */
async function expectRejection(): Promise<MigrationError> {
  const { db } = database();
  const before = [await dumpSchema(db), await select(db, 'select * from vectors')];
  const error = await thrownBy(migrate(database().target));
  expect(error).toBeInstanceOf(MigrationError);
  expect([await dumpSchema(db), await select(db, 'select * from vectors')]).toEqual(before);
  expect(await select(db, "select to_regclass('vector_orphans')::text as found")).toEqual([
    { found: null },
  ]);
  expect(await migrationStatus(database().target)).toMatchObject({ applied: [], unknown: 0 });
  return error as MigrationError;
}

/** The statements for the original's tables, with `before` replaced by `after`. */
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
    [
      'a foreign key with another name',
      foreignKey,
      `constraint fk_vectors_documents ${foreignKey}`,
    ],
    [
      'two foreign keys',
      foreignKey,
      `constraint fk_1 references documents (id) constraint fk_2 ${foreignKey}`,
    ],
    ['a foreign key that also cascades updates', foreignKey, `${foreignKey} on update cascade`],
    ['a foreign key that is checked at commit', foreignKey, `${foreignKey} initially deferred`],
    ['no foreign key', foreignKey, ''],
    ['no index', 'create index ix_vectors_doc_id on vectors (doc_id)', 'select'],
    ['ids of limited length', 'vector_ids text', 'vector_ids varchar(100)'],
    ['ids as json', 'vector_ids text', 'vector_ids json'],
    ['a default for ids', 'text not null', "text not null default '[]'"],
    ['nullable ids', 'vector_ids text not null', 'vector_ids text'],
    ['nullable page numbers', 'page integer not null', 'page integer'],
    ['nullable document ids', `doc_id integer not null ${foreignKey}`, 'doc_id integer'],
  ])('%s gets the same schema as an empty database', async (_, before, after) => {
    await createLegacy(['["a", "b"]'], legacyTablesWith(before, after));
    expect(await migrate(database().target)).toMatchObject({ warnings: [] });
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readPages()).toEqual([['a', 'b']]);
  });

  test('the shape that create_all of SQLAlchemy makes gets the same schema, and keeps its extra index', async () => {
    await createLegacy(
      [],
      [
        'create table documents (id serial not null, primary key (id))',
        `create table vectors (
          id serial not null,
          doc_id integer not null,
          page integer not null,
          vector_ids text not null,
          primary key (id),
          foreign key (doc_id) references documents (id)
        )`,
        'create index ix_vectors_id on vectors (id)',
        'create index ix_vectors_doc_id on vectors (doc_id)',
      ],
    );
    expect(await migrate(database().target)).toMatchObject({ warnings: [] });
    expect(await migrationStatus(database().target)).toMatchObject({ pending: [], drift: [] });
    const { db } = database();
    const indexes =
      "select indexrelid from pg_index where indexrelid = to_regclass('ix_vectors_id')";
    expect(await select(db, indexes)).toHaveLength(1);
    await createVectorRepository(db).upsertPage({ docId: 1, page: 1, vectorIds: ['a'] });
    await execute(db, 'delete from documents');
    expect(await db.$count(vectorOrphans)).toBe(1);
  });

  test.each(['bigint', 'smallint'])(
    'documents whose id is a %s gets the same schema, and finds missing documents',
    async (type) => {
      await createLegacy(
        ['["a"]'],
        legacyTablesWith(
          'documents (id serial',
          `documents (id ${type} generated always as identity`,
        ),
      );
      await migrate(database().target);
      await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
      const repository = createVectorRepository(database().db);
      await repository.replaceDocument(1, [{ page: 2, vectorIds: ['b'] }]);
      expect(await readPages()).toEqual([['b']]);
      for (const docId of [2, 100_000]) {
        await expect(
          repository.upsertPage({ docId, page: 1, vectorIds: ['c'] }),
        ).rejects.toMatchObject({ code: 'DOCUMENT_NOT_FOUND', docId });
        await expect(repository.replaceDocument(docId, [])).rejects.toMatchObject({
          code: 'DOCUMENT_NOT_FOUND',
          docId,
        });
      }
    },
  );

  test('no rows gets the same schema as an empty database', async () => {
    await createLegacy([]);
    expect(await migrate(database().target)).toMatchObject({ warnings: [] });
    await expect(await dumpSchema(database().db)).toMatchFileSnapshot(schemaFile);
    expect(await readPages()).toEqual([]);
  });

  test('a null page number is not migrated', async () => {
    await createLegacy(['["a"]'], legacyTablesWith('page integer not null', 'page integer'));
    await execute(database().db, 'insert into vectors (doc_id, vector_ids) values (1, \'["b"]\')');
    expect(await expectRejection()).toMatchObject({
      tag: '0001_jsonb_ledger',
      message: expect.stringContaining('rows of vectors: 1 with a null (id 2)'),
      cause: { code: '23514' },
    });
  });
});

describe('the migration', () => {
  test('keeps columns that a host added to documents, with their values', async () => {
    await createLegacy(
      ['["a"]'],
      legacyTablesWith(
        'primary key)',
        "primary key, title text default 'untitled', owner integer)",
      ),
    );
    await execute(database().db, "insert into documents (title, owner) values ('Second', 7)");
    const documents = await select(database().db, 'select * from documents order by id');
    await migrate(database().target);
    expect(await select(database().db, 'select * from documents order by id')).toEqual(documents);
    expect(documents).toEqual([
      { id: 1, title: 'untitled', owner: null },
      { id: 2, title: 'Second', owner: 7 },
    ]);
  });

  test('keeps a column that a host added to vectors, with its reference to documents', async () => {
    await createLegacy(['["a"]']);
    await execute(
      database().db,
      'alter table vectors add column copied_from integer constraint copied references documents (id)',
      'update vectors set copied_from = 1',
    );
    await migrate(database().target);
    expect(await select(database().db, 'select doc_id, copied_from from vectors')).toEqual([
      { doc_id: 1, copied_from: 1 },
    ]);
    expect(
      await select(
        database().db,
        `select conname::text as name from pg_constraint
         where conrelid = 'vectors'::regclass and contype = 'f' order by conname`,
      ),
    ).toEqual([{ name: 'copied' }, { name: 'vectors_doc_id_fkey' }]);
    expect((await migrationStatus(database().target)).drift).toEqual([]);
  });

  test('changes nothing if a host’s view depends on vector_ids', async () => {
    await createLegacy(['["a"]']);
    await execute(database().db, 'create view host_ids as select vector_ids from vectors');
    expect(await expectRejection()).toMatchObject({
      tag: '0001_jsonb_ledger',
      cause: { code: '0A000' },
    });
  });

  test('changes nothing if the document of a page does not exist, and says how to delete such pages', async () => {
    await createLegacy(['["a"]'], legacyTablesWith(foreignKey, ''));
    await execute(
      database().db,
      "insert into vectors (doc_id, page, vector_ids) values (2, 1, 'b')",
    );
    const { message, hint = '' } = await expectRejection();
    expect(message).toContain('rows of vectors: 1 without a document (id 2)\n');
    await execute(database().db, statementIn(hint));
    await migrate(database().target);
    expect(await readPages()).toEqual([['a']]);
  });
});

/** Each digit matters, because each integer is a different id. The last one does not fit into 64 bits. */
const integers = [
  '0',
  '-7',
  '9007199254740993',
  '449278312341234567',
  '18446744073709551615',
  '99999999999999999999999',
];

test('every list of ids is converted without changing an id', async () => {
  const converted: [text: string, ids: string[]][] = [
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
  await createLegacy(converted.map(([text]) => text));
  expect(await migrate(database().target)).toMatchObject({ warnings: [] });
  expect(await readPages()).toEqual(converted.map(([, ids]) => ids));
  expect(await database().db.$count(vectorOrphans)).toBe(0);
});

test('a text that is not a list of ids stops the migration, and the error counts and names such rows', async () => {
  const invalid = [
    // JSON other than an array of strings and integers
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
    // invalid JSON
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
    // Deeper than the server's stack allows. PGlite hangs at that limit (10,000), so it gets less.
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
    // null values
    'null',
    'None',
    ' null ',
    'a,None,b',
    'null,null',
  ];
  // Valid pages before, between and after them.
  await createLegacy(invalid.flatMap((text) => ['["good"]', text]).concat('["good"]'));
  const error = await expectRejection();
  expect(error).toMatchObject({ tag: '0001_jsonb_ledger', cause: { code: '23514' } });
  expect(error.message).toContain(
    `cannot convert some of the ${2 * invalid.length + 1} rows of vectors: ` +
      `${invalid.length} with vector_ids that are not a list of ids (id 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, ...)`,
  );

  // The other rows are valid.
  await execute(database().db, 'delete from vectors where id % 2 = 0');
  await migrate(database().target);
  expect(await readPages()).toEqual(Array(invalid.length + 1).fill(['good']));
});

describe('the error of a migration that cannot convert rows', () => {
  test('names up to ten rows of each kind', async () => {
    await createLegacy([]);
    for (let page = -9; page <= 1; page += 1) await insertLegacy(page, page < -7 ? '[null]' : 'a');
    const { message, hint } = await expectRejection();
    expect(message).toContain(
      'cannot convert some of the 11 rows of vectors: ' +
        '10 with a page below 1 (id 1, 2, 3, 4, 5, 6, 7, 8, 9, 10); ' +
        '2 with vector_ids that are not a list of ids (id 1, 2)\nHint: ',
    );
    expect(hint).toBe(
      'Pages count from 1. If your pipeline counted from 0, run: update vectors set page = page + 1;\n' +
        'vector_ids must be a JSON array of strings or integers, or ids separated by commas. ' +
        'Fix or delete these rows.',
    );
  });

  test('mentions only the problems that exist', async () => {
    await createLegacy([]);
    await insertLegacy(0, '["a"]');
    expect(await expectRejection()).toMatchObject({
      message: expect.stringMatching(/rows of vectors: 1 with a page below 1 \(id 1\)\n/),
      hint: expect.not.stringContaining('vector_ids'),
    });
    await execute(database().db, "update vectors set page = 1, vector_ids = '[null]'");
    expect(await expectRejection()).toMatchObject({
      message: expect.stringMatching(
        /rows of vectors: 1 with vector_ids that are not a list of ids \(id 1\)\n/,
      ),
      hint: expect.not.stringMatching(/[Pp]age|Python/),
    });
  });

  test('contains a statement that fixes pages counted from 0', async () => {
    await createLegacy([]);
    await insertLegacy(0, '["a"]');
    await insertLegacy(1, '["b"]');
    const { hint = '' } = await expectRejection();
    await execute(database().db, statementIn(hint));
    await migrate(database().target);
    const pages = await createVectorRepository(database().db).findByDocument(1);
    expect(pages).toMatchObject([
      { page: 1, vectorIds: ['a'] },
      { page: 2, vectorIds: ['b'] },
    ]);
  });

  test('contains a statement that fixes lists in Python’s notation', async () => {
    await createLegacy(["['a', 'b']", '["it\'s"]', 'c', "['d']"]);
    const { hint = '' } = await expectRejection();
    await execute(database().db, statementIn(hint));
    await migrate(database().target);
    expect(await readPages()).toEqual([['a', 'b'], ["it's"], ['c'], ['d']]);
  });
});

/** The statement that the hint suggests. */
function statementIn(hint: string): string {
  const statement = /: ((?:update|delete) [^;]*);/.exec(hint)?.[1];
  if (statement === undefined) throw new Error(`no statement in: ${hint}`);
  return statement;
}
