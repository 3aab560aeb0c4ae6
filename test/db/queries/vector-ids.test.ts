import { and, asc, eq, sql } from 'drizzle-orm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { patchVectorId, patchVectorIds, vectorPatches, vectors } from '../../../src/index.ts';
import {
  createDocument,
  insertStoredPage,
  select,
  useTestDatabase,
} from '../../support/database.ts';
import { storedIdLists, vectorIdLists } from '../../support/vector-id-lists.ts';

const db = useTestDatabase();

/** Lists of ids that the column accepts. */
const lists = vectorIdLists().map((ids) => ids.filter((id) => id.isWellFormed()));

test('the column returns the ids that were written', async () => {
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

test('the view returns the same ids as the decoder', async () => {
  const docId = await createDocument(db());
  let page = 0;
  await fc.assert(
    fc.asyncProperty(storedIdLists(), async (stored) => {
      page += 1;
      await insertStoredPage(db(), docId, page, JSON.stringify(stored));
      const [row] = await db()
        .select()
        .from(vectors)
        .where(and(eq(vectors.docId, docId), eq(vectors.page, page)));
      const patches = await db()
        .select()
        .from(vectorPatches)
        .where(and(eq(vectorPatches.docId, docId), eq(vectorPatches.page, page)))
        .orderBy(asc(vectorPatches.patch));
      expect(patches).toEqual(
        row?.vectorIds.map((vectorId, patch) => ({ docId, page, patch, vectorId })),
      );
    }),
    { numRuns: 200 },
  );
});

test('the view accepts every JSON spelling of an integer', async () => {
  const uuidHead = 'a'.repeat(29);
  const docId = await createDocument(db());
  const json = `[{"prefix": "${uuidHead}", "from": "009", "count": 3.0, "radix": 1.6e1}]`;
  await insertStoredPage(db(), docId, 1, json);
  const [row] = await db().select().from(vectors).where(eq(vectors.docId, docId));
  const patches = await db().select().from(vectorPatches).where(eq(vectorPatches.docId, docId));
  expect(row?.vectorIds).toEqual(['009', '00a', '00b'].map((tail) => uuidHead + tail));
  expect(patches.map(({ vectorId }) => vectorId)).toEqual(row?.vectorIds);
});

test('the view uses an index to read one page', async () => {
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
  const plan = await select<{ 'QUERY PLAN': string }>(
    db(),
    `explain select * from vector_patches where doc_id = ${docId} and page = 250`,
  );
  // The second name is that of the index on a partition.
  expect(plan.map((row) => row['QUERY PLAN']).join('\n')).toMatch(
    /Index Scan using (ix_vectors_doc_page|vectors_p\d+_doc_id_page_idx)/,
  );
});

describe('the column accepts', () => {
  test.each([
    ['an empty array', '[]'],
    ['an id', '["a"]'],
    ['a run', '[{"prefix": "a", "from": "0", "count": 3}]'],
    ['a run with radix 10', '[{"prefix": "a", "from": "0", "count": 3, "radix": 10}]'],
    [
      'a hexadecimal run',
      `[{"prefix": "${'a'.repeat(29)}", "from": "0af", "count": 3, "radix": 16}]`,
    ],
    ['the longest decimal run', '[{"prefix": "a", "from": "0", "count": 10000}]'],
    ['ids and runs in one array', '["a", {"prefix": "", "from": "9999", "count": 1}, ""]'],
  ])('%s', async (_, stored) => {
    await insertStoredPage(db(), await createDocument(db()), 1, stored);
  });
});

describe('the column rejects', () => {
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
    ['an empty from', '[{"prefix": "a", "from": "", "count": 3}]'],
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
      'a hexadecimal run whose ids are not UUIDs',
      '[{"prefix": "a", "from": "0af", "count": 3, "radix": 16}]',
    ],
    ['another radix', '[{"prefix": "a", "from": "000", "count": 3, "radix": 8}]'],
  ])('%s', async (_, stored) => {
    const docId = await createDocument(db());
    await expect(insertStoredPage(db(), docId, 1, stored)).rejects.toMatchObject({
      cause: { code: '23514' },
    });
  });
});

describe('for a run of the page’s own patch ids, the column', () => {
  async function insertRun(fields: string): Promise<void> {
    const docId = await createDocument(db());
    const prefix = patchVectorId({ docId, page: 1, patch: 0 }).slice(0, -3);
    await insertStoredPage(db(), docId, 1, `[{"prefix": "${prefix}", ${fields}}]`);
  }

  test.each([
    ['all ids of a full run', '"from": "000", "count": 4096, "radix": 16'],
    ['a part of a run', '"from": "0af", "count": 3, "radix": 16'],
    ['every JSON spelling of an integer', '"from": "000", "count": 3.0, "radix": 1.6e1'],
    ['a decimal run', '"from": "000", "count": 1000'],
  ])('accepts %s', async (_, fields) => {
    await insertRun(fields);
  });

  test.each([
    ['a count past the end', '"from": "000", "count": 4097, "radix": 16'],
    ['a count of 0', '"from": "000", "count": 0, "radix": 16'],
    ['a count of 1.5', '"from": "000", "count": 1.5, "radix": 16'],
    ['a count that is text', '"from": "000", "count": "3", "radix": 16'],
    ['a count in an array', '"from": "000", "count": [3], "radix": 16'],
    ['a from in an array', '"from": ["000"], "count": 3, "radix": 16'],
    ['a from of one digit', '"from": "0", "count": 3, "radix": 16'],
    ['a missing from', '"count": 3, "radix": 16'],
    [
      'a pack in the same element',
      '"from": "000", "count": 3, "radix": 16, "uuids": "AAAAAAAAAAAAAAAAAAAAAA=="',
    ],
  ])('rejects %s', async (_, fields) => {
    await expect(insertRun(fields)).rejects.toMatchObject({ cause: { code: '23514' } });
  });
});
