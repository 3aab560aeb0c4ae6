import { inspect } from 'node:util';
import { sql } from 'drizzle-orm';
import { expect, inject, test } from 'vitest';
import { createVectorRepository, DatabaseError, MigrationError } from '../../../src/index.ts';
import {
  createDocument,
  inRolledBackTransaction,
  useTestDatabase,
} from '../../support/database.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const db = useTestDatabase();

test('the error of a rejected statement has the SQLSTATE and none of the values', async () => {
  const secret = 'an-id-that-must-not-be-logged';
  const docId = await createDocument(db());
  const code = '23514';
  const causes = {
    plain: { code, table: 'vectors', constraint: 'small' },
    // PostgreSQL names the partition.
    partitioned: { code, table: expect.stringMatching(/^vectors_/), constraint: 'small' },
    // The coordinator of Citus does not pass on the names.
    distributed: { code },
  };
  const cause = causes[inject('shape')];
  await inRolledBackTransaction(db(), async (tx) => {
    await tx.execute(sql`alter table vectors add constraint small check (page < 1000)`);
    const error = await thrownBy(
      createVectorRepository(tx).upsertPage({ docId, page: 4_711, vectorIds: [secret] }),
    );
    expect(error).toBeInstanceOf(DatabaseError);
    expect(error).toMatchObject({
      name: 'DatabaseError',
      code: 'DATABASE_ERROR',
      sqlState: '23514',
      cause,
    });
    const everything = inspect(error, { depth: Infinity, showHidden: true });
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain('4711');
  });
});

test('a query without the tables throws a MigrationError that names both ways to have them', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await tx.execute(sql`drop table vectors cascade`);
    const error = await thrownBy(createVectorRepository(tx).findByPage(1, 1));
    expect(error).toBeInstanceOf(MigrationError);
    expect(error).toMatchObject({ code: 'MIGRATION_FAILED', tag: undefined });
    const { message, hint = '' } = error as MigrationError;
    expect(hint).toContain('"npx colpali-vectors migrate"');
    expect(hint).toContain('--ledger <module> on the command line, { ledger } in code');
    expect(message).toContain(hint);
  });
});

test('a query without the functions throws a MigrationError that says how to create them', async () => {
  await inRolledBackTransaction(db(), async (tx) => {
    await tx.execute(sql`drop function vectors_holding cascade`);
    const error = await thrownBy(createVectorRepository(tx).locate(['x']));
    expect(error).toBeInstanceOf(MigrationError);
    const { message, hint = '' } = error as MigrationError;
    expect(message).toMatch(/^The ledger's functions are missing or out of date \(.*holding/);
    expect(hint).toContain('Run "npx colpali-vectors generate" and then your migrations');
    expect(hint).toContain('run "npx colpali-vectors migrate"');
    expect(message).toContain(hint);
    expect(message).not.toContain('type casts');
  });
});

test('an error that the caller’s code throws is passed on unchanged', async () => {
  const docId = await createDocument(db());
  // ENOENT is also the code of a PostgreSQL socket that does not exist.
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
