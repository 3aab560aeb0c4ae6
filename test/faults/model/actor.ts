import { eq, sql } from 'drizzle-orm';
import { rowsOf } from '../../../src/db.ts';
import { toLedgerError } from '../../../src/driver-errors.ts';
import {
  createVectorRepository,
  DatabaseError,
  DatabaseUnavailableError,
  type Db,
  DocumentNotFoundError,
  documents,
  type NewPageVectors,
  type OpenDatabase,
  openDatabase,
  purgeOrphans,
} from '../../../src/index.ts';
import { computedPages, type Operation } from './operations.ts';
import type { World } from './world.ts';

/** The process died: its connections are gone and it does nothing more. */
class Crash extends Error {}

/** A process: its own connections, and a crash that ends them. */
export class Actor {
  private readonly name: string;
  private readonly world: World;
  private readonly serverUrl: string;
  private readonly pass: () => Promise<void>;
  private database: OpenDatabase | undefined;

  /** @param pass - Lets the others go first. */
  constructor(name: string, world: World, serverUrl: string, pass: () => Promise<void>) {
    this.name = name;
    this.world = world;
    this.serverUrl = serverUrl;
    this.pass = pass;
  }

  async perform(operation: Operation): Promise<void> {
    this.world.totals.operations += 1;
    let gates = 0;
    const gate = async () => {
      await this.pass();
      if (gates === operation.crashAt) await this.crash();
      gates += 1;
    };
    try {
      await this.run(operation, await this.open(), gate);
    } catch (error) {
      if (!(error instanceof Crash) && !isExpected(error)) throw error;
    }
  }

  private async run(operation: Operation, db: Db, gate: () => Promise<void>): Promise<void> {
    const { store } = this.world;
    const ledger = createVectorRepository(db);
    const { docId, page } = operation;
    await gate();
    switch (operation.kind) {
      case 'ingest': {
        const vectorIds = this.world.idsFor(docId, page, operation.ids, operation.count);
        const pages = [{ docId, page, vectorIds }];
        if (operation.inTransaction) {
          await db.transaction(async (tx) => {
            await createVectorRepository(tx).upsertPages(pages, { pending: true });
            await gate();
          });
        } else {
          await ledger.upsertPages(pages, { pending: true });
        }
        return this.write(pages, db, gate);
      }
      case 'ingest points first': {
        const vectorIds = this.world.idsFor(docId, page, 'fresh', operation.count);
        store.write(vectorIds);
        // Nothing knows of the points before the page is recorded: the reason to record first.
        await this.orAbandon(vectorIds, () => ledger.upsertPage({ docId, page, vectorIds }));
        return;
      }
      case 'replace document': {
        const pages = computedPages.map((number) => ({
          docId,
          page: number,
          vectorIds: this.world.idsFor(docId, number, 'computed', operation.count),
        }));
        await ledger.replaceDocument(docId, pages, { pending: true });
        return this.write(pages, db, gate);
      }
      case 'delete page':
        if (operation.by === 'repository') await ledger.deleteByPage(docId, page);
        else await db.execute(sql`delete from vectors where doc_id = ${docId} and page = ${page}`);
        return;
      case 'delete document':
        await db.delete(documents).where(eq(documents.id, docId));
        await gate();
        await db.insert(documents).values({ id: docId }).onConflictDoNothing();
        return;
      case 'move page':
        await db.execute(
          sql`update vectors set page = ${operation.to} where doc_id = ${docId} and page = ${page}`,
        );
        return;
      case 'purge':
        await purgeOrphans(
          db,
          async (ids, context) => {
            const half = Math.ceil(ids.length / 2);
            await gate();
            await store.deleteVectors(ids.slice(0, half), context);
            await gate();
            await store.deleteVectors(ids.slice(half), context);
            await gate();
          },
          { batchRows: operation.batchRows },
        );
    }
  }

  /** Writes the vectors of recorded pages, in halves, and marks the pages. */
  private async write(pages: NewPageVectors[], db: Db, gate: () => Promise<void>): Promise<void> {
    const ids = pages.flatMap(({ vectorIds }) => vectorIds.map(String));
    await this.orAbandon(ids, async () => {
      for (const half of [ids.slice(0, ids.length / 2), ids.slice(ids.length / 2)]) {
        await gate();
        this.world.store.write(half);
      }
      await gate();
      await createVectorRepository(db).markIndexed(pages);
    });
  }

  private async orAbandon(ids: string[], work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const id of ids) this.world.abandoned.add(id);
      throw error;
    }
  }

  private async open(): Promise<Db> {
    if (this.database === undefined) {
      const url = new URL(this.serverUrl);
      url.searchParams.set('application_name', this.name);
      this.database = await openDatabase(url.href);
    }
    return this.database.db;
  }

  private async crash(): Promise<never> {
    this.world.totals.crashes += 1;
    await this.world.control.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${this.name}`);
    // Terminated is not yet gone: a crash is over when the server has undone what was under way.
    while (rowsOf(await this.world.control.execute(this.sessions())).length > 0);
    await this.close();
    throw new Crash();
  }

  private sessions() {
    return sql`select pid from pg_stat_activity where application_name = ${this.name}`;
  }

  async close(): Promise<void> {
    const { database } = this;
    this.database = undefined;
    // Not waited for: the queries of a crashed process have nobody to answer them.
    database?.close().catch(() => {});
  }
}

/** What a correct host meets under this load and tries again. */
function isExpected(error: unknown): boolean {
  const mapped = toLedgerError(error);
  if (mapped instanceof DatabaseError) {
    // Deadlock; unique violation, where a page is moved onto another.
    return ['40P01', '23505'].includes(mapped.sqlState);
  }
  return mapped instanceof DocumentNotFoundError || mapped instanceof DatabaseUnavailableError;
}
