/** How long writers and purges wait for each other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import {
  createVectorRepository,
  openDatabase,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { createDocument } from '../support/database.ts';
import { ingestDocument } from '../support/ingest.ts';
import { usePurgerAndWriter } from '../support/purger-and-writer.ts';
import { randomVectorIds } from '../support/random-ids.ts';
import { testUnlessDistributed } from '../support/shapes.ts';

const session = usePurgerAndWriter();
const repository = () => createVectorRepository(session.writer.db);

describe('strays', () => {
  const queueStrays = (count: number) =>
    session.writer.db.insert(vectorOrphans).values(
      Array.from({ length: count }, (_, index) => ({
        vectorIds: [`stray-${index}`],
        vectorCount: 1,
      })),
    );

  testUnlessDistributed('never make a writer wait', async () => {
    await queueStrays(50);
    const docId = await createDocument(session.writer.db);
    let writes = 0;
    await purgeOrphans(
      session.purger.db,
      async () => {
        writes += 1;
        // Would never return if the writer waited for the purge.
        await repository().upsertPage({
          docId,
          page: writes,
          vectorIds: [`page-${writes}`],
        });
      },
      { batchIds: 10 },
    );
    expect(writes).toBe(5);
  });

  testUnlessDistributed('are purged while a writer stays open', async () => {
    await queueStrays(3);
    const docId = await createDocument(session.writer.db);
    await session.writer.db.transaction(async (tx) => {
      await createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['open'] });
      expect(await purgeOrphans(session.purger.db, session.store.deleteVectors)).toMatchObject({
        deleted: 3,
      });
    });
  });
});

test('a writer waits for at most one call of the store', async () => {
  const docId = await ingestDocument(
    session.writer.db,
    session.store,
    Array.from({ length: 6 }, () => randomVectorIds(10)),
  );
  await repository().deleteByDocument(docId);
  let calls = 0;
  let callsBeforeWrite = 0;
  let write: Promise<void> | undefined;
  await purgeOrphans(
    session.purger.db,
    async (ids, context) => {
      calls += 1;
      write ??= repository()
        .upsertPage({ docId, page: 99, vectorIds: ['written'] })
        .then(() => {
          callsBeforeWrite = calls;
        });
      await sleep(150);
      await session.store.deleteVectors(ids, context);
    },
    { batchIds: 10 },
  );
  await write;
  expect(calls).toBe(6);
  expect(callsBeforeWrite).toBeLessThanOrEqual(2);
});

test('a purge gets its turn beside writers that never pause', async () => {
  const docId = await ingestDocument(session.writer.db, session.store, [['starved']]);
  await repository().deleteByPage(docId, 1);
  let stopped = false;
  const writers = Array.from({ length: 8 }, async (_, worker) => {
    for (let round = 0; !stopped; round += 1) {
      await repository().upsertPage({
        docId,
        page: worker + 2,
        vectorIds: [`w${worker}-${round}`],
      });
    }
  });
  await sleep(100);
  let deleted = 0;
  for (let run = 0; run < 5 && deleted === 0; run += 1) {
    await session.writer.db.execute(sql`update vector_orphans set due_at = now() where page = 1`);
    await purgeOrphans(session.purger.db, async (ids) => {
      deleted += ids.includes('starved') ? 1 : 0;
    });
  }
  stopped = true;
  await Promise.all(writers);
  expect(deleted).toBe(1);
});

test('a purge that cannot get the lock does not count as an attempt', async () => {
  const docId = await ingestDocument(session.writer.db, session.store, [['locked']]);
  await repository().deleteByPage(docId, 1);
  await session.writer.db.transaction(async (tx) => {
    await createVectorRepository(tx).upsertPage({ docId, page: 2, vectorIds: ['open'] });
    expect(await purgeOrphans(session.purger.db, session.store.deleteVectors)).toMatchObject({
      deleted: 0,
      remaining: 1,
    });
  });
  expect(await session.writer.db.select().from(vectorOrphans)).toMatchObject([{ attempts: 0 }]);
  expect(await purgeOrphans(session.purger.db, session.store.deleteVectors)).toMatchObject({
    deleted: 1,
  });
});

test('a row is counted as tried before the store is called, so a row that ends the process backs off', async () => {
  await repository().deleteByDocument(
    await ingestDocument(session.writer.db, session.store, [['tried']]),
  );
  let during: unknown;
  await purgeOrphans(session.purger.db, async () => {
    during = rowsOf(
      await session.writer.db.execute(
        sql`select attempts, due_at > now() as waits from vector_orphans`,
      ),
    );
  });
  expect(during).toEqual([{ attempts: 1, waits: true }]);
});

// Citus runs calls on several shards one after another.
testUnlessDistributed(
  'forty transactions on 1100 documents each fit into the lock table',
  async () => {
    const first = await createDocument(session.writer.db);
    await session.writer.db.execute(sql`
    insert into documents (id) select n from generate_series(${first + 1}::int, ${first + 44_000}::int) as n`);
    await session.writer.db.execute(sql`select setval('documents_id_seq', ${first + 50_000})`);
    const wide = await openDatabase(`${session.url}${session.url.includes('?') ? '&' : '?'}max=40`);
    let open = 0;
    let release: () => void = () => {};
    const all = new Promise<void>((resolve) => {
      release = resolve;
    });
    try {
      await Promise.all(
        Array.from({ length: 40 }, (_, index) =>
          wide.db.transaction(async (tx) => {
            const pages = Array.from({ length: 1_100 }, (_, n) => ({
              docId: first + 1 + index * 1_100 + n,
              page: 1,
              vectorIds: ['a'],
            }));
            await createVectorRepository(tx).upsertPages(pages);
            open += 1;
            if (open === 40) release();
            await all;
          }),
        ),
      );
      expect(await session.writer.db.$count(vectors)).toBe(44_000);
    } finally {
      await wide.close();
    }
  },
);
