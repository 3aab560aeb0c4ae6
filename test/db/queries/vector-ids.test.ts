import { asc, eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import { patchVectorIds, vectorPatches, vectors } from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';
import { storedIdLists, vectorIdLists } from '../../support/vector-id-lists.ts';

const db = useTestDatabase();

/** Lists that hold what a store may use as an id; half surrogate pairs are no text. */
const lists = vectorIdLists().map((ids) => ids.filter((id) => id.isWellFormed()));

const storedLists = storedIdLists();

test('ids in are ids out', async () => {
  const docId = await createDocument(db());
  let page = 0;
  await fc.assert(
    fc.asyncProperty(lists, async (vectorIds) => {
      page += 1;
      const [row] = await db().insert(vectors).values({ docId, page, vectorIds }).returning();
      expect(row?.vectorIds).toEqual(vectorIds);
    }),
    { numRuns: 200 },
  );
});

test('the view expands a page to what the decoder gives', async () => {
  const docId = await createDocument(db());
  let page = 0;
  await fc.assert(
    fc.asyncProperty(storedLists, async (stored) => {
      page += 1;
      await db().execute(sql`
        insert into ${vectors} (doc_id, page, vector_ids)
        values (${docId}, ${page}, ${JSON.stringify(stored)}::text::jsonb)`);
      const [row] = await db()
        .select()
        .from(vectors)
        .where(onPage(docId, page, vectors));
      const patches = await db()
        .select()
        .from(vectorPatches)
        .where(onPage(docId, page, vectorPatches))
        .orderBy(asc(vectorPatches.patch));
      expect(patches).toEqual(
        row?.vectorIds.map((vectorId, patch) => ({ docId, page, patch, vectorId })),
      );
    }),
    { numRuns: 200 },
  );
});

test('the view reads numbers as JSON may write them', async () => {
  const uuidHead = 'a'.repeat(29);
  const docId = await createDocument(db());
  await db().execute(sql`
    insert into ${vectors} (doc_id, page, vector_ids)
    values (${docId}, 1, ${JSON.stringify([{ prefix: uuidHead, from: '009', count: 3, radix: 16 }])
      .replace('3,', '3.0,')
      .replace('16}', '1.6e1}')}::text::jsonb)`);
  const [row] = await db().select().from(vectors).where(eq(vectors.docId, docId));
  const patches = await db().select().from(vectorPatches).where(eq(vectorPatches.docId, docId));
  expect(row?.vectorIds).toEqual(['009', '00a', '00b'].map((tail) => uuidHead + tail));
  expect(patches.map(({ vectorId }) => vectorId)).toEqual(row?.vectorIds);
});

test('the view reads one page of many', async () => {
  const docId = await createDocument(db());
  await db()
    .insert(vectors)
    .values(
      Array.from({ length: 500 }, (_, index) => ({
        docId,
        page: index + 1,
        vectorIds: patchVectorIds({ docId, page: index + 1, count: 100 }),
      })),
    );
  await db().execute(sql`analyze ${vectors}`);
  const plan = rowsOf<{ 'QUERY PLAN': string }>(
    await db().execute(sql`
      explain select * from ${vectorPatches} where doc_id = ${docId} and page = 250`),
  ).map((row) => row['QUERY PLAN']);
  expect(plan.join('\n')).toContain('Index Scan using ix_vectors_doc_page');
});

describe('the column takes', () => {
  test.each([
    ['no ids', '[]'],
    ['an id', '["a"]'],
    ['a run', '[{"prefix": "a", "from": "0", "count": 3}]'],
    ['a run that says it is decimal', '[{"prefix": "a", "from": "0", "count": 3, "radix": 10}]'],
    [
      'a hexadecimal run',
      `[{"prefix": "${'a'.repeat(29)}", "from": "0af", "count": 3, "radix": 16}]`,
    ],
    ['the longest decimal run', '[{"prefix": "a", "from": "0", "count": 10000}]'],
    ['both', '["a", {"prefix": "", "from": "9999", "count": 1}, ""]'],
  ])('%s', async (_, stored) => {
    await expect(insertStored(stored)).resolves.toBeDefined();
  });
});

describe('the column refuses', () => {
  test.each([
    ['an object', '{}'],
    ['a run outside an array', '{"prefix": "a", "from": "0", "count": 3}'],
    ['a string', '"a"'],
    ['null', 'null'],
    ['a number in the array', '["a", 1]'],
    ['null in the array', '[null]'],
    ['an array in the array', '[["a"]]'],
    ['an empty array in the array', '[[]]'],
    ['a run without prefix', '[{"from": "0", "count": 3}]'],
    ['a run without from', '[{"prefix": "a", "count": 3}]'],
    ['a run without count', '[{"prefix": "a", "from": "0"}]'],
    ['a count that is text', '[{"prefix": "a", "from": "0", "count": "3"}]'],
    ['a count in an array', '[{"prefix": "a", "from": "0", "count": [3]}]'],
    ['a count of 0', '[{"prefix": "a", "from": "0", "count": 0}]'],
    ['a count of 1.5', '[{"prefix": "a", "from": "0", "count": 1.5}]'],
    ['a prefix in an array', '[{"prefix": ["a"], "from": "0", "count": 3}]'],
    ['an empty tail', '[{"prefix": "a", "from": "", "count": 3}]'],
    ['a tail of five digits', '[{"prefix": "a", "from": "00000", "count": 3}]'],
    ['a tail with a line break', '[{"prefix": "a", "from": "0\\n", "count": 3}]'],
    ['a run past 9999', '[{"prefix": "a", "from": "9999", "count": 2}]'],
    ['a decimal tail of letters', '[{"prefix": "a", "from": "0af", "count": 3}]'],
    ['a hexadecimal tail of one digit', '[{"prefix": "a", "from": "f", "count": 3, "radix": 16}]'],
    [
      'a hexadecimal tail in upper case',
      '[{"prefix": "a", "from": "0AF", "count": 3, "radix": 16}]',
    ],
    [
      'a hexadecimal run that is no UUID',
      '[{"prefix": "a", "from": "0af", "count": 3, "radix": 16}]',
    ],
    ['another radix', '[{"prefix": "a", "from": "000", "count": 3, "radix": 8}]'],
  ])('%s', async (_, stored) => {
    await expect(insertStored(stored)).rejects.toMatchObject({ cause: { code: '23514' } });
  });
});

describe('of a run of the page’s own computed ids the column', () => {
  const own = (docId: number, rest: string) =>
    `[{"prefix": "${patchVectorIds({ docId, page: 1, count: 1 })[0]?.slice(0, -3)}", ${rest}}]`;

  test.each([
    ['takes all', '"from": "000", "count": 4096, "radix": 16'],
    ['takes a part', '"from": "0af", "count": 3, "radix": 16'],
    ['takes a count as JSON may write it', '"from": "000", "count": 3.0, "radix": 1.6e1'],
    ['takes decimals', '"from": "000", "count": 1000'],
  ])('%s', async (_, rest) => {
    const docId = await createDocument(db());
    await expect(insertStored(own(docId, rest), docId)).resolves.toBeDefined();
  });

  test.each([
    ['refuses too many', '"from": "000", "count": 4097, "radix": 16'],
    ['refuses none', '"from": "000", "count": 0, "radix": 16'],
    ['refuses half an id', '"from": "000", "count": 1.5, "radix": 16'],
    ['refuses a count that is text', '"from": "000", "count": "3", "radix": 16'],
    ['refuses a count in an array', '"from": "000", "count": [3], "radix": 16'],
    ['refuses a tail in an array', '"from": ["000"], "count": 3, "radix": 16'],
    ['refuses a tail of one digit', '"from": "0", "count": 3, "radix": 16'],
    ['refuses no tail', '"count": 3, "radix": 16'],
  ])('%s', async (_, rest) => {
    const docId = await createDocument(db());
    await expect(insertStored(own(docId, rest), docId)).rejects.toMatchObject({
      cause: { code: '23514' },
    });
  });
});

async function insertStored(stored: string, into?: number): Promise<unknown> {
  const docId = into ?? (await createDocument(db()));
  return db().execute(sql`
    insert into ${vectors} (doc_id, page, vector_ids) values (${docId}, 1, ${stored}::text::jsonb)`);
}

function onPage(docId: number, page: number, of: typeof vectors | typeof vectorPatches) {
  return sql`${eq(of.docId, docId)} and ${eq(of.page, page)}`;
}
