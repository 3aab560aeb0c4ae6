/**
 * A process that the crash test kills: `worker.ts ingest` or `worker.ts purge`. LEDGER_URL and STORE_URL name its
 * ledger and its store. It works until it is killed, and ends on any error; the test then starts it again.
 */
import { randomInt, randomUUID } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import {
  createVectorRepository,
  documents,
  openDatabase,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../src/index.ts';
import { connectPointStore, finishPending, purgeOptions } from './point-store.ts';

const { db } = await openDatabase(process.env['LEDGER_URL']);
const store = connectPointStore(process.env['STORE_URL'] as string);
const repository = createVectorRepository(db);

if (process.argv[2] === 'purge') {
  for (;;) {
    await purgeOrphans(db, store.deleteVectors, {
      ...purgeOptions,
      batchIds: randomInt(50, 1_500),
    });
    // Rows whose purge was killed would wait for up to an hour.
    await db.update(vectorOrphans).set({ dueAt: sql`now()` });
  }
}

// Finish what the previous process was killed at.
await finishPending(db, store);
for (;;) {
  const [docId, page] = [randomInt(1, 4), randomInt(1, 6)];
  const dice = randomInt(10);
  if (dice === 0) {
    await db.delete(documents).where(eq(documents.id, docId));
    await db.insert(documents).values({ id: docId }).onConflictDoNothing();
  } else if (dice <= 2) {
    await repository.deleteByPage(docId, page);
  } else {
    // A different number of ids each time, so that some ids return and some do not.
    const count = randomInt(1, 1031);
    const vectorIds =
      dice <= 7
        ? patchVectorIds({ docId, page, count })
        : Array.from({ length: count }, () => randomUUID());
    await db.insert(documents).values({ id: docId }).onConflictDoNothing();
    await repository.ingest([{ docId, page, vectorIds }], () => store.write(vectorIds));
  }
}
