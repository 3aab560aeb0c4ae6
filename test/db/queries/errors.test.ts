import { inspect } from 'node:util';
import { sql } from 'drizzle-orm';
import { describe, expect, test } from 'vitest';
import { createVectorRepository, DatabaseError, MigrationError } from '../../../src/index.ts';
import { createDocument, useTestDatabase } from '../../support/database.ts';

const db = useTestDatabase();

/** What `work` throws. */
async function thrownBy(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

describe('a statement that PostgreSQL refuses', () => {
  const secret = 'an-id-that-no-log-may-hold';

  test('carries its SQLSTATE and none of the values', async () => {
    const docId = await createDocument(db());
    const error = await db()
      .transaction(async (tx) => {
        await tx.execute(sql`alter table vectors add constraint small check (page < 1000)`);
        return thrownBy(() =>
          createVectorRepository(tx).upsertPage({ docId, page: 4_711, vectorIds: [secret] }),
        );
      })
      .finally(() => db().execute(sql`alter table vectors drop constraint if exists small`));
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({
      name: 'DatabaseError',
      code: 'DATABASE_ERROR',
      sqlState: '23514',
      cause: { code: '23514', table: 'vectors', constraint: 'small' },
    });
    const everything = inspect(error, { depth: Infinity, showHidden: true });
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain('4711');
  });
});

test('tables that are not there ask for the migrations', async () => {
  const undo = new Error('undo');
  const work = db().transaction(async (tx) => {
    await tx.execute(sql`drop table vectors cascade`);
    const error = await thrownBy(() => createVectorRepository(tx).findByPage(1, 1));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({ code: 'MIGRATION_FAILED', tag: undefined });
    expect((error as Error).message).toContain('Run the migrations');
    throw undo;
  });
  await expect(work).rejects.toBe(undo);
});

test('an error of the caller’s own passes as it is, whatever its code', async () => {
  const docId = await createDocument(db());
  // Without the file it is what a database that is not there fails with.
  const own = Object.assign(new Error('read error'), { code: 'ENOENT' });
  const pages = (async function* () {
    yield { docId, page: 1, vectorIds: ['x'] };
    throw own;
  })();
  const repository = createVectorRepository(db());
  await expect(repository.upsertPages(pages)).rejects.toBe(own);
  const page = { docId, page: 1, vectorIds: ['x'] };
  const onProgress = () => {
    throw own;
  };
  await expect(repository.upsertPages([page], { onProgress })).rejects.toBe(own);
});
