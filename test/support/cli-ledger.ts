import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, beforeEach } from 'vitest';
import {
  createVectorRepository,
  type OpenDatabase,
  openDatabase,
  type VectorRepository,
} from '../../src/index.ts';
import { createDocument, useServerDatabase } from './database.ts';
import { type CliResult, runCli, startCli } from './run-cli.ts';

/** A ledger and the command line that works on it. */
export interface CliLedger {
  db: OpenDatabase['db'];
  url: string;
  repository: VectorRepository;
  /** The only document. */
  docId: number;
  /** Runs `colpali-vectors ...` to its end, with `input` on its stdin. */
  run(args: string[], input?: string | Buffer): Promise<CliResult>;
  /** Starts `colpali-vectors ...`. */
  start(args: string[]): ReturnType<typeof startCli>;
}

/**
 * A migrated database for this test file, with one new document and no pages before each test.
 *
 * @returns A function that returns them, to be called in a test.
 */
export function useCliLedger(): () => CliLedger {
  const url = useServerDatabase();
  let database: OpenDatabase;
  let docId: number;
  beforeAll(async () => {
    database = await openDatabase(url());
  });
  beforeEach(async () => {
    await database.db.execute(sql`delete from documents`);
    await database.db.execute(sql`delete from vector_orphans`);
    docId = await createDocument(database.db);
  });
  afterAll(() => database.close());
  return () => {
    const env = { DATABASE_URL: url() };
    return {
      db: database.db,
      url: url(),
      repository: createVectorRepository(database.db),
      docId,
      run: (args, input = '') => runCli(args, { env, input }),
      start: (args) => startCli(args, { env }),
    };
  };
}
