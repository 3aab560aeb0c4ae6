import { sql } from 'drizzle-orm';
import { npmVersion } from 'drizzle-orm/version';
import { expect, inject, test } from 'vitest';
import { rowsOf } from '../../../src/db.ts';
import { createVectorRepository } from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';
import { testUnlessDistributed } from '../../support/shapes.ts';

const db = useTestDatabase();

/** Runs each read twice on one connection. Returns how many of their statements it then has prepared. */
async function countPrepared(prepare: boolean | undefined) {
  const docId = await createDocument(db());
  const page = { docId, page: 3, vectorIds: [`${docId}-a`, `${docId}-b`] };
  return db().transaction(async (tx) => {
    const repository = createVectorRepository(tx, { prepare });
    await repository.upsertPage(page);
    for (let round = 0; round < 2; round += 1) {
      expect(await repository.findByPage(docId, 3)).toMatchObject(page);
      expect(await repository.findByPage(docId, 4)).toBeUndefined();
      expect(await repository.findByDocument(docId)).toMatchObject([page]);
      expect(await repository.findByPageRange(docId, 1, 9)).toMatchObject([page]);
      expect(await repository.findByPages([{ docId, page: 4 }, page])).toMatchObject([
        undefined,
        page,
      ]);
      expect(await repository.locate([`${docId}-b`])).toMatchObject([{ docId, page: 3, patch: 1 }]);
      expect(await repository.resolveHits([{ vectorId: `${docId}-b`, score: 1 }])).toMatchObject({
        pages: [{ docId, page: 3 }],
      });
    }
    const prepared = await tx.execute(sql`
      select from pg_prepared_statements
      where statement like 'select%"vectors"%' and statement not like '%pg_prepared%'`);
    return rowsOf(prepared).length;
  });
}

// The order matters: the tests share connections, and a connection keeps its prepared statements.
test('no statement is prepared if `prepare` is false', async () => {
  expect(await countPrepared(false)).toBe(0);
});

test('each statement that reads is prepared once per connection', async () => {
  // A statement that Drizzle does not name is parsed each time.
  const namesNone =
    inject('driver') === 'pglite' ||
    (inject('driver') === 'postgres.js' &&
      ['0.45.0', '0.45.1', '0.45.2', '0.45.3'].includes(npmVersion));
  expect(await countPrepared(undefined)).toBe(namesNone ? 0 : 5);
});

testUnlessDistributed('only a new row takes a value of the sequence', async () => {
  const repository = createVectorRepository(db());
  const docId = await createDocument(db());
  const pages = Array.from({ length: 100 }, (_, index) => ({
    docId,
    page: index + 1,
    vectorIds: ['a'],
  }));
  const last = async () =>
    Number(
      rowsOf<{ n: unknown }>(await db().execute(sql`select last_value as n from vectors_id_seq`))[0]
        ?.n,
    );
  await repository.upsertPages(pages);
  const before = await last();
  for (let round = 0; round < 3; round += 1) await repository.upsertPages(pages);
  await repository.upsertPages(pages, { pending: true });
  await repository.replaceDocument(docId, pages);
  await repository.upsertPage({ docId, page: 1, vectorIds: ['b'] });
  expect(await last()).toBe(before);
  await repository.upsertPage({ docId, page: 101, vectorIds: ['new'] });
  expect(await last()).toBe(before + 1);
});
