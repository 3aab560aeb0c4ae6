import { integer, pgSchema, text } from 'drizzle-orm/pg-core';
import { expect, test } from 'vitest';
import { defineLedger } from '../../../src/index.ts';
import { readShape } from '../../../src/scale/shape.ts';
import { defaultTables, tablesOf } from '../../../src/tables.ts';
import { execute, inRolledBackTransaction, useTestDatabase } from '../../support/database.ts';

const db = useTestDatabase();

/** Replaces the empty table by one with these partitions. */
const partitioned = (by: string, ...partitions: string[]) => [
  'alter table vectors rename to plain_vectors',
  `create table vectors (like plain_vectors) partition by ${by}`,
  ...partitions.map((bounds, index) => `create table part_${index} partition of vectors ${bounds}`),
];

test('a migrated ledger is plain', async () => {
  expect(await readShape(db(), defaultTables)).toEqual({ kind: 'plain' });
});

test('partitions have the range of their documents, in its order', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(
      tx,
      ...partitioned(
        'range (doc_id)',
        'for values from (1000) to (maxvalue)',
        'for values from (-5) to (9)',
        'for values from (minvalue) to (-5)',
        'for values from (9) to (1000)',
      ),
    );
    expect(await readShape(tx, defaultTables)).toEqual({
      kind: 'partitioned',
      by: 'RANGE (doc_id)',
      partitions: [
        { name: 'part_2', from: null, to: '-5', bounds: "FOR VALUES FROM (MINVALUE) TO ('-5')" },
        { name: 'part_1', from: '-5', to: '9', bounds: "FOR VALUES FROM ('-5') TO (9)" },
        { name: 'part_3', from: '9', to: '1000', bounds: 'FOR VALUES FROM (9) TO (1000)' },
        { name: 'part_0', from: '1000', to: null, bounds: 'FOR VALUES FROM (1000) TO (MAXVALUE)' },
      ],
    });
  });
});

test('partitions that the host made in another way are told by their bounds', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(tx, ...partitioned('list (page)', 'for values in (1)', 'default'));
    expect(await readShape(tx, defaultTables)).toMatchObject({
      by: 'LIST (page)',
      partitions: [
        { from: null, to: null, bounds: 'FOR VALUES IN (1)' },
        { from: null, to: null, bounds: 'DEFAULT' },
      ],
    });
  });
});

test('a ledger of text keys in another schema has limits with any character', async () => {
  const shelf = pgSchema('my "shelf"');
  const books = shelf.table('books', { isbn: text().primaryKey() });
  const ledger = defineLedger({ documents: books.isbn, name: 'book_vectors', schema: shelf });
  await inRolledBackTransaction(db(), async (tx) => {
    await execute(
      tx,
      'create schema "my ""shelf"""',
      'create table "my ""shelf""".book_vectors (doc_id text) partition by range (doc_id)',
      `create table "my ""shelf"""."b" partition of "my ""shelf""".book_vectors for values from ('a''\\') to ('b) TO (''c')`,
      `create table "my ""shelf"""."a" partition of "my ""shelf""".book_vectors for values from ('MINVALUE') to ('a')`,
    );
    const shape = await readShape(tx, tablesOf(ledger));
    expect(shape).toMatchObject({ kind: 'partitioned' });
    const limits = shape.kind === 'partitioned' ? shape.partitions : [];
    expect(limits.map(({ name, from, to }) => [name, from, to]).toSorted()).toEqual([
      ['"my ""shelf""".a', 'MINVALUE', 'a'],
      ['"my ""shelf""".b', "a'\\", "b) TO ('c"],
    ]);
  });
});

test('a table that does not exist is plain', async () => {
  const missing = defineLedger({
    documents: pgSchema('none').table('documents', { id: integer().primaryKey() }).id,
    name: 'none',
  });
  expect(await readShape(db(), tablesOf(missing))).toEqual({ kind: 'plain' });
});
