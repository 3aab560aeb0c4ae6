/** What must compile and what must not with a host's own documents. `npm run typecheck` checks this file. */
import { relations } from 'drizzle-orm';
import { bigint, pgSchema, pgTable, serial, text, uuid } from 'drizzle-orm/pg-core';
import type { PostgresJsDatabase } from 'drizzle-orm/postgres-js';
import { expectTypeOf } from 'vitest';
import {
  type AuditedStore,
  type AuditReport,
  auditVectors,
  createVectorRepository,
  type DeleteVectors,
  defineLedger,
  type Ledger,
  ledgerDrift,
  type PageVectors,
  purgeOrphans,
  type RecordedPage,
  type SchemaDrift,
  type UninstalledLedger,
  uninstallLedger,
  type VectorLocation,
  type VectorRepository,
} from '../../src/index.ts';

type Isbn = string & { readonly isbn: true };

const files = pgSchema('app').table('files', { id: uuid().primaryKey(), name: text() });
const scans = pgTable('scans', {
  number: serial().primaryKey(),
  big: bigint({ mode: 'bigint' }),
  safe: bigint({ mode: 'number' }),
  isbn: text().$type<Isbn>(),
});

const ledger = defineLedger({ documents: files.id, name: 'pages' });
const { vectors } = ledger;
const filesRelations = relations(files, ({ many }) => ({ pages: many(vectors) }));
const vectorsRelations = relations(vectors, ({ one }) => ({
  file: one(files, { fields: [vectors.docId], references: [files.id] }),
}));
const schema = { files, vectors, filesRelations, vectorsRelations };

declare const db: PostgresJsDatabase<typeof schema>;
declare const store: AuditedStore;

export async function types(): Promise<void> {
  // The document id has the type of the host's column.
  expectTypeOf(defineLedger({ documents: scans.number })).toExtend<Ledger<number>>();
  expectTypeOf(defineLedger({ documents: scans.safe })).toExtend<Ledger<number>>();
  expectTypeOf(defineLedger({ documents: scans.big })).toExtend<Ledger<bigint>>();
  expectTypeOf(defineLedger({ documents: scans.isbn })).toExtend<Ledger<Isbn>>();

  const repository = createVectorRepository(db, { ledger });
  expectTypeOf(repository).toEqualTypeOf<VectorRepository<string>>();
  expectTypeOf(repository.findByPage('a', 1)).resolves.toEqualTypeOf<
    PageVectors<string> | undefined
  >();
  expectTypeOf<PageVectors<string>['docId']>().toEqualTypeOf<string>();
  expectTypeOf(repository.locate(['a'])).resolves.toEqualTypeOf<
    (VectorLocation<string> | undefined)[]
  >();
  await repository.ingest([{ docId: 'a', page: 1, vectorIds: [] }], async (pages) => {
    expectTypeOf(pages).toEqualTypeOf<readonly RecordedPage<string>[]>();
  });
  for await (const page of repository.streamPages()) await repository.upsertPage(page);
  const options = { prepare: false, ledger };
  expectTypeOf(createVectorRepository(db, options)).toEqualTypeOf<VectorRepository<string>>();
  expectTypeOf(createVectorRepository(db, {})).toEqualTypeOf<VectorRepository>();

  await purgeOrphans(
    db,
    async (_ids, { docId }) => expectTypeOf(docId).toEqualTypeOf<string | null>(),
    { ledger },
  );
  await purgeOrphans(db, async (_ids, { docId }) =>
    expectTypeOf(docId).toEqualTypeOf<number | null>(),
  );
  expectTypeOf(auditVectors(db, store, { ledger })).resolves.toEqualTypeOf<AuditReport<string>>();
  expectTypeOf(auditVectors(db, store)).resolves.toEqualTypeOf<AuditReport>();

  // The tables are typed for the host's own queries and relations.
  const rows = await db.select({ file: files.name, docId: vectors.docId }).from(vectors);
  expectTypeOf(rows[0]?.docId).toEqualTypeOf<string | undefined>();
  const page = await db.query.vectors.findFirst({ with: { file: true } });
  expectTypeOf(page?.file).toEqualTypeOf<{ id: string; name: string | null } | undefined>();
  const file = await db.query.files.findFirst({ with: { pages: true } });
  expectTypeOf(file?.pages[0]?.vectorIds).toEqualTypeOf<string[] | undefined>();
  await db.insert(vectors).values({ docId: 'a', page: 1, vectorIds: ['b'] });

  const ofNumber = { docId: 7, page: 1, vectorIds: [] };
  // @ts-expect-error a uuid is not a number
  repository.findByDocument(7);
  // @ts-expect-error a uuid is not a number
  repository.findByPage(7, 1);
  // @ts-expect-error a uuid is not a number
  repository.findByPageRange(7, 1, 2);
  // @ts-expect-error a uuid is not a number
  repository.findByPages([ofNumber]);
  // @ts-expect-error a uuid is not a number
  repository.streamPages({ docId: 7 });
  // @ts-expect-error a uuid is not a number
  repository.countPages(7);
  // @ts-expect-error a uuid is not a number
  repository.findVectorIdsInBox(7, 1, { x0: 0, y0: 0, x1: 1, y1: 1 });
  // @ts-expect-error a uuid is not a number
  repository.upsertPage(ofNumber);
  // @ts-expect-error a uuid is not a number
  repository.upsertPages([ofNumber]);
  // @ts-expect-error a uuid is not a number
  repository.ingest([ofNumber], async () => {});
  // @ts-expect-error a uuid is not a number
  repository.replaceDocument(7, []);
  // @ts-expect-error a uuid is not a number
  repository.deleteByDocument(7);
  // @ts-expect-error a uuid is not a number
  repository.deleteByPage(7, 1);
  // @ts-expect-error a uuid is not a number
  repository.markIndexed([{ ...ofNumber, id: 1, revision: 1 }]);
  // @ts-expect-error a uuid is not a number
  repository.findPending({ docId: 7 });
  // @ts-expect-error a uuid is not a number
  db.insert(vectors).values(ofNumber);
  expectTypeOf(ledgerDrift(db, { ledger })).resolves.toEqualTypeOf<SchemaDrift[]>();
  expectTypeOf(uninstallLedger(db, ledger)).resolves.toEqualTypeOf<UninstalledLedger>();
  // @ts-expect-error the package's own ledger has integer keys
  createVectorRepository(db).findByDocument('a');
  // @ts-expect-error the callback is for documents with integer keys
  purgeOrphans(db, (async () => {}) as DeleteVectors<number>, { ledger });
  // @ts-expect-error a table is not a column
  defineLedger({ documents: files });
  // @ts-expect-error a name is a string
  defineLedger({ documents: files.id, name: 1 });
}
