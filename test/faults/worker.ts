/**
 * A process to be killed: `worker.ts ingest | purge`, on the ledger and the store that LEDGER_URL and
 * STORE_URL name. It works until it is killed, and ends on any error, to be started again.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { eq } from 'drizzle-orm';
import {
  createVectorRepository,
  documents,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
} from '../../src/index.ts';
import { connectPointStore, finishPending } from './point-store.ts';

const { db } = await openDatabase(process.env['LEDGER_URL']);
const store = connectPointStore(process.env['STORE_URL'] as string);
const ledger = createVectorRepository(db);

if (process.argv[2] === 'purge') {
  for (;;)
    await purgeOrphans(db, store.deleteVectors, { batchRows: randomInt(1, 4), batchIds: 200 });
}

// What the one before was killed at.
await finishPending(db, store);
for (;;) {
  const [docId, page] = [randomInt(1, 4), randomInt(1, 6)];
  const dice = randomInt(10);
  if (dice === 0) {
    await db.delete(documents).where(eq(documents.id, docId));
    await db.insert(documents).values({ id: docId }).onConflictDoNothing();
  } else if (dice <= 2) {
    await ledger.deleteByPage(docId, page);
  } else {
    // As many as a page has; a count of its own each time, so that some ids come back and some go.
    const count = randomInt(1, 1031);
    const vectorIds =
      dice <= 7
        ? patchVectorIds({ docId, page, count })
        : Array.from({ length: count }, () => randomUUID());
    await db.insert(documents).values({ id: docId }).onConflictDoNothing();
    await ledger.upsertPages([{ docId, page, vectorIds }], { pending: true });
    await store.write(vectorIds);
    await ledger.markIndexed([{ docId, page, vectorIds }]);
  }
}
