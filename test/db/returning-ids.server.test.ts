import { eq, sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  documents,
  hashedPatchVectorIds,
  PurgeError,
  purgeOrphans,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { createDocument } from '../support/database.ts';
import { ingestDocument } from '../support/ingest.ts';
import { usePurgerAndWriter } from '../support/purger-and-writer.ts';
import { testUnlessDistributed } from '../support/shapes.ts';

const session = usePurgerAndWriter();
const repository = () => createVectorRepository(session.writer.db);

describe('ids that return under another document while the store deletes them', () => {
  const content = () => hashedPatchVectorIds({ document: 'the same file', page: 1, count: 5 });

  /** Deletes a document with the ids, and purges while `meanwhile` runs. */
  async function purgeWhile(meanwhile: () => Promise<void>) {
    const docId = await ingestDocument(session.writer.db, session.store, [content()]);
    await session.writer.db.delete(documents).where(eq(documents.id, docId));
    return purgeOrphans(session.purger.db, async (ids, context) => {
      await meanwhile();
      await session.store.deleteVectors(ids, context);
    });
  }

  test('make their page pending again, and are counted', async () => {
    const other = await createDocument(session.writer.db);
    const result = await purgeWhile(async () => {
      // Recording does not wait: the purge has locked the other document only.
      await repository().ingest(
        [{ docId: other, page: 1, vectorIds: content() }],
        async ([page]) => {
          session.store.write(page?.vectorIds ?? []);
        },
      );
    });
    expect(result).toMatchObject({ deleted: 5, repaired: 1, remaining: 0 });
    expect(session.store.ids.size).toBe(0);
    expect(await repository().findPending({ docId: other })).toHaveLength(1);
  });

  test('keep the ingest that recorded them from marking their page', async () => {
    const other = await createDocument(session.writer.db);
    const page = { docId: other, page: 1, vectorIds: content() };
    let recorded: Awaited<ReturnType<typeof record>> | undefined;
    const record = () => repository().upsertPages([page], { pending: true });
    await purgeWhile(async () => {
      recorded = await record();
    });
    expect(await repository().markIndexed(recorded ?? [])).toBe(0);
    expect(await repository().findPending({ docId: other })).toHaveLength(1);
  });

  testUnlessDistributed(
    'make their page pending if it was moved to the other document',
    async () => {
      const from = await createDocument(session.writer.db);
      const to = await createDocument(session.writer.db);
      const result = await purgeWhile(async () => {
        await repository().upsertPage({ docId: from, page: 1, vectorIds: content() });
        await session.writer.db.execute(
          sql`update vectors set doc_id = ${to} where doc_id = ${from}`,
        );
      });
      expect(result).toMatchObject({ repaired: 1 });
      expect(await repository().findPending({ docId: to })).toHaveLength(1);
    },
  );

  test('make their page pending if the call has failed or timed out', async () => {
    for (const fails of [true, false]) {
      const other = await createDocument(session.writer.db);
      const docId = await ingestDocument(session.writer.db, session.store, [content()]);
      await repository().deleteByDocument(docId);
      const purge = purgeOrphans(
        session.purger.db,
        async (ids, context) => {
          await repository().upsertPage({ docId: other, page: 1, vectorIds: content() });
          await session.store.deleteVectors(ids, context);
          if (fails) throw new Error('the answer was lost');
          await new Promise(() => {});
        },
        { callTimeoutMs: 200 },
      );
      await expect(purge).rejects.toThrow(PurgeError);
      expect(await repository().findPending({ docId: other })).toHaveLength(1);
      await session.writer.db.delete(vectors);
      await session.writer.db.delete(vectorOrphans);
    }
  });

  test('make their page pending when a call that timed out deletes them later', async () => {
    const other = await createDocument(session.writer.db);
    const docId = await ingestDocument(session.writer.db, session.store, [content()]);
    await repository().deleteByDocument(docId);
    let finish: () => void = () => {};
    const late = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const purge = purgeOrphans(
      session.purger.db,
      async (ids, context) => {
        await late;
        await session.store.deleteVectors(ids, context);
      },
      { callTimeoutMs: 50 },
    );
    await expect(purge).rejects.toThrow(PurgeError);
    await repository().upsertPage({ docId: other, page: 1, vectorIds: content() });
    expect(await repository().findPending({ docId: other })).toEqual([]);
    finish();
    await expect.poll(() => repository().findPending({ docId: other })).toHaveLength(1);
  });
});
