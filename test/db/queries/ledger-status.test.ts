import { sql } from 'drizzle-orm';
import { beforeEach, expect, test } from 'vitest';
import { createVectorRepository, ledgerStatus, purgeOrphans } from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
const repository = () => createVectorRepository(db());

beforeEach(() => emptyLedger(db()));

test('an empty ledger has no ages', async () => {
  expect(await ledgerStatus(db())).toEqual({
    pages: 0,
    pending: { pages: 0, oldestMs: null },
    orphans: { rows: 0, vectors: 0, dueRows: 0, oldestMs: null, maxAttempts: 0 },
  });
});

test('pages, pending pages and orphans are counted with the age of the oldest', async () => {
  const docId = await createDocument(db());
  await repository().upsertPages([1, 2].map((page) => ({ docId, page, vectorIds: ['a', 'b'] })));
  await repository().upsertPage({ docId, page: 3, vectorIds: ['c'] }, { pending: true });
  await db().execute(sql`
    update vectors set recorded_at = now() - interval '2 hours' where indexed_at is null`);
  await repository().deleteByPage(docId, 1);
  await repository().deleteByPage(docId, 2);
  await thrownBy(
    purgeOrphans(db(), async () => {
      throw new Error('the store is down');
    }),
  );
  // The orphans of a pending page wait for it.
  await repository().upsertPage({ docId, page: 3, vectorIds: ['d'] }, { pending: true });
  await db().execute(sql`
    update vector_orphans set orphaned_at = now() - interval '1 day' where page = 1`);
  await db().execute(sql`update vector_orphans set due_at = now() where page <> 2`);
  // The purge has set this time to about one second later, which may have passed.
  await db().execute(sql`
    update vector_orphans set due_at = now() + interval '1 hour' where page = 2`);

  const { pages, pending, orphans } = await ledgerStatus(db());
  expect([pages, pending.pages]).toEqual([1, 1]);
  expect(orphans).toMatchObject({ rows: 3, vectors: 5, dueRows: 1, maxAttempts: 1 });
  expect(orphans.oldestMs).toBeGreaterThanOrEqual(86_400_000);
});

test('the age of the oldest pending page counts from its recording', async () => {
  const docId = await createDocument(db());
  await repository().upsertPage({ docId, page: 1, vectorIds: ['a'] }, { pending: true });
  await db().execute(sql`update vectors set recorded_at = now() - interval '2 hours'`);
  const { pending } = await ledgerStatus(db());
  expect(pending.oldestMs).toBeGreaterThanOrEqual(7_200_000);
});

test('a transaction sees its own pages', async () => {
  const docId = await createDocument(db());
  await db().transaction(async (tx) => {
    await createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['a'] });
    expect(await ledgerStatus(tx)).toMatchObject({ pages: 1 });
  });
});
