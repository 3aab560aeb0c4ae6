import { sql } from 'drizzle-orm';
import { beforeEach, describe, expect } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  MigrationError,
  purgeOrphans,
} from '../../../src/index.ts';
import { createDocument, emptyLedger, useTestDatabase } from '../../support/database.ts';
import { MemoryStore } from '../../support/memory-store.ts';
import { testUnlessDistributed } from '../../support/shapes.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();
let store: MemoryStore;

beforeEach(async () => {
  await emptyLedger(db());
  store = new MemoryStore();
});

describe('triggers that do not work', () => {
  const undo = new Error('undo');

  testUnlessDistributed.each([
    ['a dropped trigger', 'drop trigger vectors_queue_deleted on vectors', 'colpali-vectors'],
    [
      'a disabled trigger',
      'alter table vectors disable trigger vectors_queue_replaced',
      'enable trigger',
    ],
  ])('are noticed by the first write: %s', async (_, statement, remedy) => {
    const docId = await createDocument(db());
    const work = db().transaction(async (tx) => {
      await tx.execute(sql.raw(statement));
      const error = await thrownBy(
        createVectorRepository(tx).upsertPage({ docId, page: 1, vectorIds: ['a'] }),
      );
      expect(error).toBeInstanceOf(MigrationError);
      expect((error as Error).message).toContain(remedy);
      throw undo;
    });
    await expect(work).rejects.toBe(undo);
  });

  testUnlessDistributed('are noticed by the purge and the audit', async () => {
    await db().execute(sql`alter table vectors disable trigger vectors_queue_truncated`);
    try {
      expect(await thrownBy(purgeOrphans(db(), store.deleteVectors))).toBeInstanceOf(
        MigrationError,
      );
      expect(await thrownBy(auditVectors(db(), store))).toBeInstanceOf(MigrationError);
    } finally {
      await db().execute(sql`alter table vectors enable trigger vectors_queue_truncated`);
    }
  });
});
