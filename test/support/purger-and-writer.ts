import { afterAll, beforeAll, beforeEach } from 'vitest';
import { type OpenDatabase, openDatabase } from '../../src/index.ts';
import { emptyLedger, useServerDatabase } from './database.ts';
import { MemoryStore } from './memory-store.ts';

/** Two connections to a database on the server, and a vector store. */
export interface PurgerAndWriter {
  readonly url: string;
  readonly purger: OpenDatabase;
  readonly writer: OpenDatabase;
  readonly store: MemoryStore;
}

/** Creates a database for this test file and opens it twice. The ledger and the store are empty before each test. */
export function usePurgerAndWriter(): PurgerAndWriter {
  const url = useServerDatabase();
  let purger: OpenDatabase;
  let writer: OpenDatabase;
  let store: MemoryStore;
  beforeAll(async () => {
    purger = await openDatabase(url());
    writer = await openDatabase(url());
  });
  afterAll(async () => {
    await purger.close();
    await writer.close();
  });
  beforeEach(async () => {
    await emptyLedger(writer.db);
    store = new MemoryStore();
  });
  // Getters, because the hooks set the values.
  return {
    get url() {
      return url();
    },
    get purger() {
      return purger;
    },
    get writer() {
      return writer;
    },
    get store() {
      return store;
    },
  };
}
