import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type DuplicatesRemedy,
  MigrationError,
  migrate,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, execute, select, useEmptyDatabase } from '../support/database.ts';
import { legacyTables } from '../support/legacy.ts';
import { thrownBy } from '../support/thrown-by.ts';

/** Pages of a legacy table that have several rows. */
const database = useEmptyDatabase();

/** Creates a legacy table with these rows: document, page, ids. The first has the id 1. */
async function createRows(rows: [docId: number, page: number, vectorIds: string][]): Promise<void> {
  const { db } = database();
  await execute(db, ...legacyTables);
  const docIds = [...new Set(rows.map(([docId]) => docId))];
  while ((await createDocument(db)) < Math.max(...docIds));
  for (const [docId, page, vectorIds] of rows) {
    await db.execute(
      sql`insert into vectors (doc_id, page, vector_ids) values (${docId}, ${page}, ${vectorIds})`,
    );
  }
}

/** Page 1 has rows 1, 3 and 4; page 3 has rows 6 and 7; the others have one row. */
const mixed: [number, number, string][] = [
  [1, 1, '["first", "both"]'],
  [1, 2, '["only"]'],
  [1, 1, 'both,second,2'],
  [1, 1, '["both", 3]'],
  [2, 1, '["other"]'],
  [1, 3, ''],
  [1, 3, '["late"]'],
];

/** The converted rows, ordered by id. */
function readRows(): Promise<unknown[]> {
  return select(database().db, 'select id, doc_id, page, vector_ids from vectors order by id');
}

async function rejection(): Promise<MigrationError> {
  const error = await thrownBy(migrate(database().target));
  expect(error).toBeInstanceOf(MigrationError);
  return error as MigrationError;
}

describe('a page with several rows stops the migration', () => {
  test('and the error counts such pages and lists their rows', async () => {
    await createRows(mixed);
    const before = await readRows();
    const { message, tag } = await rejection();
    expect(tag).toBe('0001_jsonb_ledger');
    expect(message).toContain(
      'cannot convert some of the 7 rows of vectors: 2 pages recorded more than once ' +
        '(document 1 page 1: id 1, 3, 4; document 1 page 3: id 6, 7)\n',
    );
    expect(message).toContain('colpali-vectors migrate --duplicates keep-newest');
    expect(message).toContain('colpali-vectors migrate --duplicates merge');
    expect(await readRows()).toEqual(before);
  });

  test('and the error lists ten pages, and ten rows of a page', async () => {
    const pages = Array.from({ length: 11 }, (_, index) => index + 1);
    await createRows([
      ...pages.flatMap((page): [number, number, string][] => [
        [1, page, 'a'],
        [1, page, 'b'],
      ]),
      ...pages.map((): [number, number, string] => [1, 1, 'c']),
    ]);
    const { message } = await rejection();
    expect(message).toContain(
      '11 pages recorded more than once ' +
        '(document 1 page 1: id 1, 2, 23, 24, 25, 26, 27, 28, 29, 30, ...; document 1 page 2: id 3, 4; ',
    );
    expect(message).toContain('document 1 page 10: id 19, 20; ...)');
  });

  test('and an unknown remedy stops it too', async () => {
    await createRows(mixed);
    const duplicates = 'drop' as DuplicatesRemedy;
    await expect(migrate({ ...database().target, duplicates })).rejects.toMatchObject({
      name: 'InvalidInputError',
      path: ['options', 'duplicates'],
    });
  });

  test('unless a setting of the connection names a remedy', async () => {
    await createRows(mixed);
    const { db } = database();
    await execute(db, "set colpali_vectors.duplicates = 'merge'");
    try {
      expect((await migrate({ db })).warnings).toHaveLength(1);
    } finally {
      await execute(db, 'reset colpali_vectors.duplicates');
    }
  });
});

describe('the remedy', () => {
  test('keep-newest keeps the newest row and queues the ids that only the others have', async () => {
    await createRows(mixed);
    const { db } = database();
    expect((await migrate({ ...database().target, duplicates: 'keep-newest' })).warnings).toEqual([
      'older rows deleted because their page has a newer row: 3; ids that only the older rows had are queued in vector_orphans',
    ]);
    expect(await readRows()).toEqual([
      { id: 2, doc_id: 1, page: 2, vector_ids: ['only'] },
      { id: 4, doc_id: 1, page: 1, vector_ids: ['both', '3'] },
      { id: 5, doc_id: 2, page: 1, vector_ids: ['other'] },
      { id: 7, doc_id: 1, page: 3, vector_ids: ['late'] },
    ]);
    const queued = await db.select().from(vectorOrphans).orderBy(vectorOrphans.id);
    expect(queued).toMatchObject([
      { docId: 1, page: 1, vectorIds: ['first'], vectorCount: 1 },
      { docId: 1, page: 1, vectorIds: ['second', '2'], vectorCount: 2 },
    ]);
    // A new page gets the next row id.
    const repository = createVectorRepository(db);
    await repository.upsertPage({ docId: 1, page: 9, vectorIds: ['new'] });
    expect(await repository.findByPage(1, 9)).toMatchObject({ id: 8 });
  });

  const merged = [
    { id: 2, doc_id: 1, page: 2, vector_ids: ['only'] },
    { id: 4, doc_id: 1, page: 1, vector_ids: ['first', 'both', 'second', '2', '3'] },
    { id: 5, doc_id: 2, page: 1, vector_ids: ['other'] },
    { id: 7, doc_id: 1, page: 3, vector_ids: ['late'] },
  ];

  test('merge keeps all ids of a page once, in the order of its rows', async () => {
    await createRows(mixed);
    expect((await migrate({ ...database().target, duplicates: 'merge' })).warnings).toEqual([
      'older rows merged into the newest row of their page: 3',
    ]);
    expect(await readRows()).toEqual(merged);
    expect(await database().db.$count(vectorOrphans)).toBe(0);
  });

  test('merge also works as the SQL of the error, if the ids are JSON', async () => {
    await createRows(mixed);
    await execute(
      database().db,
      `update vectors set vector_ids = '["both", "second", "2"]' where id = 3`,
      "update vectors set vector_ids = '[]' where id = 6",
    );
    const { hint = '' } = await rejection();
    const statements = /: (update vectors .*); (delete .*);$/m.exec(hint);
    await execute(database().db, statements?.[1] ?? '', statements?.[2] ?? '');
    await migrate(database().target);
    expect(await readRows()).toEqual(merged);
  });

  test('keep-newest without queueing works as the SQL of the error', async () => {
    await createRows(mixed);
    const { hint = '' } = await rejection();
    await execute(database().db, /store: (delete .*);$/m.exec(hint)?.[1] ?? '');
    await migrate(database().target);
    expect(await select(database().db, 'select id from vectors order by id')).toEqual(
      [2, 4, 5, 7].map((id) => ({ id })),
    );
    expect(await database().db.$count(vectorOrphans)).toBe(0);
  });

  test.each<DuplicatesRemedy>(['keep-newest', 'merge'])(
    '%s changes nothing if no page has several rows',
    async (duplicates) => {
      await createRows([[1, 1, '["a", "a"]']]);
      expect(await migrate({ ...database().target, duplicates })).toMatchObject({ warnings: [] });
      expect(await readRows()).toEqual([{ id: 1, doc_id: 1, page: 1, vector_ids: ['a', 'a'] }]);
    },
  );
});
