import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import {
  migrationStatus,
  type OpenDatabase,
  openDatabase,
  vectorOrphans,
  vectors,
} from '../../src/index.ts';
import { readMigrationStatus } from '../../src/migrations/status.ts';
import { createDocument, execute, useServerDatabase } from '../support/database.ts';

const url = useServerDatabase();
let writer: OpenDatabase;

beforeAll(async () => {
  writer = await openDatabase(url());
});
afterAll(async () => {
  await writer.close();
});
beforeEach(async () => {
  await writer.db.delete(vectors);
  await writer.db.delete(vectorOrphans);
});

describe('drift reports what makes the ledger lose ids', () => {
  /** The drift inside a transaction that runs the statements and is rolled back. */
  async function driftAfter(...statements: string[]): Promise<string[]> {
    let drift: string[] = [];
    const undo = new Error('undo');
    const work = writer.db.transaction(async (tx) => {
      await execute(tx, ...statements);
      const status = await readMigrationStatus(tx);
      drift = (status.drift ?? []).map(({ object, problem }) => `${object} is ${problem}`);
      throw undo;
    });
    await expect(work).rejects.toBe(undo);
    return drift;
  }

  test('a child table without triggers', async () => {
    const drift = await driftAfter('create table old_pages () inherits (vectors)');
    expect(drift).toContain('trigger vectors_queue_deleted on old_pages is missing');
    expect(drift).toHaveLength(7);
  });

  test('a parent table', async () => {
    expect(
      await driftAfter(
        'create table all_pages (doc_id integer not null)',
        'alter table vectors inherit all_pages',
      ),
    ).toEqual(['table vectors is changed']);
  });

  test('a BEFORE UPDATE row trigger of the host', async () => {
    expect(
      await driftAfter(
        'create function host() returns trigger language plpgsql as $$ begin return new; end $$',
        'create trigger host before update on vectors for each row execute function host()',
      ),
    ).toEqual(['trigger host is changed']);
  });

  test('a sequence that is behind its table, as after logical replication', async () => {
    const docId = await createDocument(writer.db);
    expect(
      await driftAfter(
        `insert into vectors (id, doc_id, page, vector_ids) values (1000000, ${docId}, 1, '["a"]')`,
        `insert into vector_orphans (id, vector_ids, vector_count) values (1000000, '["a"]', 1)`,
      ),
    ).toEqual([
      'sequence public.vector_orphans_id_seq is changed',
      'sequence public.vectors_id_seq is changed',
    ]);
  });

  test('nothing in an unchanged database', async () => {
    expect((await migrationStatus({ url: url() })).drift).toEqual([]);
  });
});
