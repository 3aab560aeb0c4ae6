import { expect, inject, test } from 'vitest';
import { migrate, openDatabase, rollback } from '../../src/index.ts';
import { createDatabase, execute } from '../support/database.ts';
import { urlWith } from '../support/database-url.ts';
import { runDrizzleKit } from '../support/drizzle-kit.ts';
import { legacyTables } from '../support/legacy.ts';
import { readJournal, tags } from '../support/migrations.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

/** `npx drizzle-kit migrate`, in its own process. Only one process at a time may use a PGlite directory. */
async function onDatabase(work: (url: string) => Promise<void>): Promise<void> {
  const { url, drop } = await createDatabase();
  try {
    await work(url);
  } finally {
    await drop();
  }
}

async function run(url: string, ...statements: string[]): Promise<void> {
  const { db, close } = await openDatabase(url);
  await execute(db, ...statements);
  await close();
}

async function journalOf(url: string): Promise<unknown> {
  const { db, close } = await openDatabase(url);
  const journal = await readJournal(db);
  await close();
  return journal;
}

/** What `drizzle-kit migrate` prints, without line breaks: it prints a notice as a JavaScript object. */
async function migrateWithDrizzleKit(url: string): Promise<{ code: number; output: string }> {
  const { code, output } = await runDrizzleKit(['migrate'], { DATABASE_URL: url });
  return { code, output: output.replaceAll(/\s+/g, ' ') };
}

test('drizzle-kit migrate and migrate() take turns, and create the same schema', async () => {
  await onDatabase(async (url) => {
    expect((await migrate({ url })).applied).toEqual(tags);
    expect((await rollback({ url })).undone).toEqual([tags[2]]);
    expect(await migrateWithDrizzleKit(url)).toMatchObject({ code: 0 });
    expect(await journalOf(url)).toEqual(tags);

    await rollback({ url, all: true });
    expect(await migrateWithDrizzleKit(url)).toMatchObject({ code: 0 });
    expect(await migrate({ url })).toEqual({ applied: [], warnings: [] });
    expect(await journalOf(url)).toEqual(tags);
    const { db, close } = await openDatabase(url);
    await expect(await dumpSchema(db)).toMatchFileSnapshot(schemaFile);
    await close();
  });
});

test.skipIf(inject('driver') === 'pglite').each([
  [
    'bad rows',
    [
      ...legacyTables,
      'insert into documents default values',
      "insert into vectors values (1, 1, 0, '[null]'), (2, 1, 5, 'a'), (3, 1, 5, 'b')",
    ],
    [
      'cannot convert some of the 3 rows of vectors: 1 with a page below 1 (id 1)',
      'document 1 page 5: id 2, 3',
      'colpali-vectors migrate --duplicates merge',
    ],
  ],
  [
    'a view on vector_ids',
    [...legacyTables, 'create view host_ids as select vector_ids from vectors'],
    ['cannot alter type of a column used by a view or rule'],
  ],
  [
    'documents of another kind',
    ['create table documents (id uuid primary key)'],
    ['documents has no column id of type smallint, integer or bigint'],
  ],
])('a failing drizzle-kit migrate says why: %s', async (_, statements, reasons) => {
  await onDatabase(async (url) => {
    await run(url, ...statements);
    const { code, output } = await migrateWithDrizzleKit(url);
    expect(code).toBe(1);
    for (const reason of reasons) expect(output).toContain(reason);
  });
});

test.skipIf(inject('driver') === 'pglite')(
  'drizzle-kit migrate reads the remedy for pages with several rows from the connection',
  async () => {
    await onDatabase(async (url) => {
      await run(
        url,
        ...legacyTables,
        'insert into documents default values',
        "insert into vectors (doc_id, page, vector_ids) values (1, 1, 'a'), (1, 1, 'b')",
      );
      const merging = urlWith(url, { settings: { 'colpali_vectors.duplicates': 'merge' } });
      const { code, output } = await migrateWithDrizzleKit(merging);
      expect(code).toBe(0);
      expect(output).toContain('older rows merged into the newest row of their page: 1');
    });
  },
);
