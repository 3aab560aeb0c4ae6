import { randomUUID } from 'node:crypto';
import { eq, relations, sql } from 'drizzle-orm';
import {
  bigint,
  getTableConfig,
  integer,
  pgSchema,
  pgTable,
  text,
  uuid,
} from 'drizzle-orm/pg-core';
import { drizzle as drizzlePGlite, type PgliteDatabase } from 'drizzle-orm/pglite';
import { drizzle as drizzlePostgresJs } from 'drizzle-orm/postgres-js';
import { beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  DocumentNotFoundError,
  defineLedger,
  hashedPatchVectorIds,
  InvalidInputError,
  installLedger,
  type Ledger,
  ledgerSql,
  ledgerStats,
  ledgerStatus,
  vectorOrphans as orphansOfDefault,
  patchVectorIds,
  purgeOrphans,
} from '../../src/index.ts';
import { createTables } from '../support/create-tables.ts';
import { createDocument, select, useTestDatabase } from '../support/database.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { thrownBy } from '../support/thrown-by.ts';

const database = useTestDatabase();

const app = pgSchema('app');
const files = app.table('files', { fileId: uuid('file_id').primaryKey() });
const scans = pgTable('scans', { id: bigint({ mode: 'bigint' }).primaryKey() });
const books = pgTable('books', { isbn: text().primaryKey() });
const reports = pgTable('reports', { number: integer().primaryKey() });

/** All of these are in one database, beside the package's own tables. The tests treat every id as a string. */
const kinds = [
  {
    kind: 'uuid keys in another schema',
    ledger: defineLedger({ documents: files.fileId, schema: app }),
    docIds: [randomUUID(), randomUUID(), randomUUID()],
    invalid: [randomUUID().toUpperCase(), randomUUID().replaceAll('-', ''), '', 7, null],
  },
  {
    kind: 'bigint keys beyond 2^53',
    ledger: defineLedger({ documents: scans.id, name: 'scan_vectors' }),
    docIds: [-5n, 2n ** 53n + 1n, 2n ** 63n - 1n],
    invalid: [2n ** 63n, 7, '7', null],
  },
  {
    kind: 'text keys',
    ledger: defineLedger({ documents: books.isbn, name: 'vectors_of_books' }),
    docIds: ["a'b/1", 'ä "b" \\ $1', 'ä/2'],
    invalid: ['', 'a\0b', '\ud800', 7, null],
  },
  {
    kind: 'integer keys under another name',
    ledger: defineLedger({ documents: reports.number, name: 'pages_colqwen' }),
    docIds: [1, 2, 2 ** 31 - 1],
    invalid: [0, 1.5, 2 ** 31, '7', 7n, null],
  },
] as unknown as { kind: string; ledger: Ledger<string>; docIds: string[]; invalid: string[] }[];

const uninstalled = defineLedger({ documents: reports.number, name: 'uninstalled' });
const neighbour = { page: 1, vectorIds: ['a', 'b', 'stray'] };

beforeAll(async () => {
  const tables = [uninstalled, ...kinds.map(({ ledger }) => ledger)].flatMap((ledger) => [
    ledger.documents,
    ledger.vectors,
    ledger.vectorOrphans,
    ledger.vectorPatches,
  ]);
  await createTables(database(), { app, ...tables });
  for (const { ledger } of kinds) await installLedger(database(), ledger);
  const docId = await createDocument(database());
  await createVectorRepository(database()).upsertPage({ docId, ...neighbour });
});

test('a ledger without tables says to create them', async () => {
  const ledger = defineLedger({ documents: reports.number, name: 'elsewhere' });
  expect(await thrownBy(installLedger(database(), ledger))).toMatchObject({
    name: 'MigrationError',
    message: expect.stringContaining('run your own migration first'),
  });
});

test('a ledger without triggers says to install it, and records nothing', async () => {
  const repository = createVectorRepository(database(), { ledger: uninstalled });
  const page = { docId: 1, page: 1, vectorIds: ['a'] };
  expect(await thrownBy(repository.upsertPage(page))).toMatchObject({
    name: 'MigrationError',
    hint: expect.stringContaining('installLedger(db, ledger)'),
  });
  expect(await repository.countPages(1)).toBe(0);
});

describe.each(kinds)('a ledger with $kind', ({ ledger, docIds, invalid }) => {
  const { vectors, vectorOrphans, vectorPatches, documents } = ledger;
  const [first = '', second = '', third = ''] = docIds;
  const repository = () => createVectorRepository(database(), { ledger });
  const idsOf = (docId: string, page: number) =>
    ledger.keyType === 'integer'
      ? patchVectorIds({ docId: Number(docId), page, count: 3 })
      : hashedPatchVectorIds({ document: String(docId), page, count: 3 });
  let store: MemoryStore;
  const write = async (pages: readonly { vectorIds: readonly string[] }[]) =>
    store.write(pages.flatMap(({ vectorIds }) => vectorIds));

  /** Seven pages: two of each document, and one with ids of another kind. */
  const pages = docIds.flatMap((docId) =>
    [2, 1].map((page) => ({ docId, page, vectorIds: idsOf(docId, page) })),
  );
  pages.push({ docId: first, page: 3, vectorIds: ['a', 'b'] });

  beforeEach(async () => {
    const db = database();
    await db.delete(documents);
    await db.delete(vectorOrphans);
    for (const docId of docIds) await db.execute(sql`insert into ${documents} values (${docId})`);
    store = new MemoryStore();
    expect(await repository().ingest(pages, write)).toBe(7);
  });

  test('can be installed again', async () => {
    await installLedger(database(), ledger);
    expect(await repository().countPages(first)).toBe(3);
  });

  test('finds pages', async () => {
    expect(await repository().findByPage(second, 2)).toMatchObject({
      docId: second,
      page: 2,
      vectorIds: idsOf(second, 2),
    });
    expect(await repository().findByDocument(first)).toMatchObject([
      { docId: first, page: 1 },
      { docId: first, page: 2 },
      { docId: first, page: 3, vectorIds: ['a', 'b'] },
    ]);
    const found = await repository().findByPages([
      { docId: third, page: 1 },
      { docId: third, page: 9 },
      { docId: first, page: 2 },
    ]);
    expect(found.map((page) => page?.docId)).toEqual([third, undefined, first]);
  });

  test('records a number of patches as generated ids', async () => {
    await repository().replaceDocument(second, [{ page: 1, patches: 3 }]);
    const [page, ...others] = await repository().findByDocument(second);
    expect(page?.vectorIds).toEqual(idsOf(second, 1));
    expect(others).toEqual([]);
    expect(await repository().countPages(first)).toBe(3);
  });

  test('streams every page once', async () => {
    const streamed: string[] = [];
    for await (const { docId, page } of repository().streamPages({ batchSize: 2 })) {
      streamed.push(`${docId}/${page}`);
    }
    expect(streamed.sort()).toEqual(pages.map(({ docId, page }) => `${docId}/${page}`).sort());
  });

  test('locates ids, through the view too', async () => {
    const wanted = [idsOf(second, 1)[2] ?? '', 'b', 'unknown'];
    expect(await repository().locate(wanted)).toMatchObject([
      { docId: second, page: 1, patch: 2 },
      { docId: first, page: 3, patch: 1 },
      undefined,
    ]);
    const [patch] = await database()
      .select()
      .from(vectorPatches)
      .where(eq(vectorPatches.vectorId, wanted[0] ?? ''));
    expect(patch).toEqual({ docId: second, page: 1, patch: 2, vectorId: wanted[0] });
  });

  test('resolves hits', async () => {
    const hits = [{ vectorId: idsOf(third, 2)[0] ?? '', score: 0.5 }];
    expect((await repository().resolveHits(hits)).pages).toMatchObject([
      { docId: third, page: 2, score: 0.5 },
    ]);
  });

  test('purges the ids of pages that were recorded again, replaced or lost their document', async () => {
    const again = { docId: first, page: 3, vectorIds: ['a', 'c'] };
    const recorded = await repository().upsertPages([again], { pending: true });
    expect(await repository().findPending({ docId: first })).toMatchObject([again]);
    await write(recorded);
    expect(await repository().markIndexed(recorded)).toBe(1);
    await repository().replaceDocument(second, [{ page: 1, vectorIds: ['only'] }]);
    await write([{ vectorIds: ['only'] }]);
    await database().delete(documents).where(eq(ledger.documentId, third));

    const told = new Set<string | null>();
    const deleteVectors = async (ids: string[], { docId }: { docId: string | null }) => {
      told.add(docId);
      for (const id of ids) store.ids.delete(id);
    };
    const result = await purgeOrphans(database(), deleteVectors, { ledger });
    expect(told).toEqual(new Set(docIds));
    expect(result).toMatchObject({ deleted: 1 + 6 + 6, spared: 1, remaining: 0 });
    const kept = [...idsOf(first, 1), ...idsOf(first, 2), 'a', 'c', 'only'];
    expect([...store.ids].sort()).toEqual(kept.sort());
  });

  test('keeps writers and the purge of a document apart', async () => {
    await repository().deleteByPage(second, 1);
    const lockOf = async (db: Db, mode: string) =>
      (
        await select<{ key: string }>(
          db,
          `select classid || ' ' || objid as key from pg_locks
          where locktype = 'advisory' and mode = '${mode}' and pid = pg_backend_pid()`,
        )
      ).map(({ key }) => key);
    let ofPurge: string[] = [];
    await purgeOrphans(
      database(),
      async (_, { tx }) => {
        ofPurge = await lockOf(tx, 'ExclusiveLock');
      },
      { ledger },
    );
    const ofWriter = await database().transaction(async (tx) => {
      const page = { docId: second, page: 1, vectorIds: ['w'] };
      await createVectorRepository(tx, { ledger }).upsertPage(page);
      return lockOf(tx, 'ShareLock');
    });
    expect(ofWriter).toHaveLength(1);
    expect(ofPurge).toEqual(ofWriter);
  });

  test('has a status of its own', async () => {
    await repository().deleteByDocument(third);
    expect(await ledgerStatus(database(), { ledger })).toMatchObject({
      pages: 5,
      orphans: { rows: 2, vectors: 6 },
    });
  });

  test('has statistics of its own', async () => {
    await repository().deleteByDocument(third);
    const { tables, kinds: found, queue, sequences } = await ledgerStats(database(), { ledger });
    const names = [vectors, vectorOrphans].map(getTableConfig).map(({ schema, name }) => {
      return schema === undefined ? name : `${schema}.${name}`;
    });
    expect(tables.map(({ name }) => name)).toEqual(names);
    // Pages of so few patch ids are in the index on ids.
    expect(found).toMatchObject({ sampled: 5, other: 5 });
    expect(queue).toMatchObject({ rows: 2 });
    expect(sequences).toMatchObject([{ used: expect.any(Number) }, { used: expect.any(Number) }]);
  });

  test('names the document whose ids the store rejects', async () => {
    await repository().deleteByDocument(third);
    const down = () => Promise.reject(new Error('down'));
    expect(await thrownBy(purgeOrphans(database(), down, { ledger }))).toMatchObject({
      name: 'PurgeError',
      documents: [third],
    });
  });

  test('is audited: finds missing and untracked ids', async () => {
    store.ids.delete('b');
    store.write(['stray', ...idsOf(first, 7)]);
    const options = { ledger, queueUntracked: true, maxUntrackedShare: 1 };
    const report = await auditVectors(database(), store, options);
    expect(report.missing).toMatchObject({
      vectors: 1,
      sample: [{ vectorId: 'b', docId: first, page: 3, patch: 1 }],
    });
    expect(report.untracked).toMatchObject({ vectors: 4, queued: 4 });
    await purgeOrphans(database(), store.deleteVectors, { ledger });
    expect(store.deleted.toSorted()).toEqual(['stray', ...idsOf(first, 7)].sort());
  });

  test('queues the ids of all pages if its table is truncated', async () => {
    await database().execute(sql`truncate ${vectors}`);
    expect(await database().$count(vectorOrphans)).toBe(7);
  });

  test('names a document that does not exist', async () => {
    await database().delete(documents).where(eq(ledger.documentId, third));
    for (const write of [
      () => repository().upsertPages([{ docId: third, page: 1, vectorIds: [] }]),
      () => repository().replaceDocument(third, []),
    ]) {
      const error = await thrownBy(write());
      expect(error).toBeInstanceOf(DocumentNotFoundError);
      expect(error).toMatchObject({ docId: third });
    }
  });

  test.each(invalid.map((docId) => [docId]))('rejects the document id %o', async (docId) => {
    const page = { docId, page: 1, vectorIds: [] };
    for (const call of [
      (): Promise<unknown> => repository().findByDocument(docId),
      (): Promise<unknown> => repository().findByPages([page]),
      (): Promise<unknown> => repository().upsertPage(page),
      (): Promise<unknown> => repository().upsertPages([page].values()),
      (): Promise<unknown> => repository().markIndexed([{ ...page, id: 1, revision: 1 }]),
      (): Promise<unknown> => repository().replaceDocument(docId, []),
    ]) {
      expect(await thrownBy(call())).toBeInstanceOf(InvalidInputError);
    }
  });

  test('rejects vector_ids that the decoder cannot read', async () => {
    const update = sql`update ${vectors} set vector_ids = '[{"prefix": "a"}]'`;
    expect(await thrownBy(database().execute(update))).toMatchObject({
      cause: { message: expect.stringContaining(`${ledger.name}_vector_ids_check`) },
    });
  });
});

test('ledgers leave the pages and orphans of others unchanged', async () => {
  const pages: unknown[] = [];
  for await (const page of createVectorRepository(database()).streamPages()) pages.push(page);
  expect(pages).toMatchObject([neighbour]);
  expect(await database().$count(orphansOfDefault)).toBe(0);
});

test('relations join a ledger with the host’s documents', async () => {
  const ledger = defineLedger({ documents: files.fileId, schema: app });
  const pages = ledger.vectors;
  const schema = {
    files,
    pages,
    filesRelations: relations(files, ({ many }) => ({ pages: many(pages) })),
    pagesRelations: relations(pages, ({ one }) => ({
      file: one(files, { fields: [pages.docId], references: [files.fileId] }),
    })),
  };
  const fileId = randomUUID();
  await database().insert(files).values({ fileId });
  const page = { docId: fileId, page: 1, vectorIds: ['a', 'b'] };
  await createVectorRepository(database(), { ledger }).upsertPage(page);
  const { $client } = database() as unknown as { $client: never };
  const db: PgliteDatabase<typeof schema> =
    inject('driver') === 'pglite'
      ? drizzlePGlite({ client: $client, schema })
      : (drizzlePostgresJs({ client: $client, schema }) as never);
  const where = eq(files.fileId, fileId);
  const found = await db.query.files.findFirst({
    where,
    with: { pages: { with: { file: true } } },
  });
  expect(found).toMatchObject({ fileId, pages: [{ ...page, file: { fileId } }] });
});

test('the SQL of a ledger can be run as a migration in one transaction', async () => {
  await database().transaction(async (tx) => {
    const path = await select(tx, 'show search_path');
    for (const { ledger } of kinds) {
      for (const statement of ledgerSql(ledger)) await tx.execute(sql.raw(statement));
    }
    expect(await select(tx, 'show search_path')).toEqual(path);
  });
});
