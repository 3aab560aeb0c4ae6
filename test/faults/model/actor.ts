import { randomBytes } from 'node:crypto';
import { eq, sql } from 'drizzle-orm';
import { drizzle } from 'drizzle-orm/postgres-js';
import postgres from 'postgres';
import { rowsOf } from '../../../src/db.ts';
import { toLedgerError } from '../../../src/driver-errors.ts';
import {
  createVectorRepository,
  DatabaseError,
  DatabaseUnavailableError,
  type Db,
  DocumentNotFoundError,
  documents,
  IngestError,
  type NewPageVectors,
  type OpenDatabase,
  openDatabase,
  PurgeError,
  purgeOrphans,
  type RecordedPage,
} from '../../../src/index.ts';
import { fixedPages, type Operation, type StoreMood } from './operations.ts';
import { StoreError, type World } from './world.ts';

/** The process died: its connections are closed and it does nothing more. */
class Crash extends Error {}

type Ingest = Extract<Operation, { kind: 'ingest' }>;
type Gate = () => Promise<void>;

/** A process with its own connections, which a crash ends. */
export class Actor {
  private readonly name: string;
  private readonly world: World;
  private readonly serverUrl: string;
  private readonly pass: Gate;
  private database: OpenDatabase | undefined;

  /** @param pass - Lets the other actors go first. */
  constructor(name: string, world: World, serverUrl: string, pass: Gate) {
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
      if (!isExpected(error)) throw error;
    }
  }

  private async run(operation: Operation, db: Db, gate: Gate): Promise<void> {
    const { world } = this;
    const repository = createVectorRepository(db);
    const { docId, page } = operation;
    await gate();
    switch (operation.kind) {
      case 'ingest':
        return this.ingest(operation, db, gate);
      case 'write vectors first': {
        const vectorIds = world.idsFor(docId, page, 'fresh', operation.count);
        world.store.write(vectorIds);
        // Nothing knows these vectors until the page is recorded. That is why pages should be recorded first.
        await this.orAbandon(vectorIds, () => repository.upsertPage({ docId, page, vectorIds }));
        return;
      }
      case 'replace document': {
        const pages = fixedPages.map((number) => ({
          docId,
          page: number,
          vectorIds: world.idsFor(docId, number, 'patch', operation.count),
        }));
        const recorded = await repository.replaceDocument(docId, pages, { pending: true });
        return this.writeAndMark(recorded, db, gate);
      }
      case 'delete page':
        if (operation.by === 'repository') await repository.deleteByPage(docId, page);
        else if (operation.by === 'sql') {
          await db.execute(sql`delete from vectors where doc_id = ${docId} and page = ${page}`);
        } else {
          await db.execute(sql`
            merge into vectors using (select ${docId}::int as doc_id, ${page}::int as page) as given
            on (vectors.doc_id, vectors.page) = (given.doc_id, given.page)
            when matched then delete`);
        }
        return;
      case 'delete document':
        await db.delete(documents).where(eq(documents.id, docId));
        await gate();
        await db.insert(documents).values({ id: docId }).onConflictDoNothing();
        return;
      case 'truncate':
        await db.transaction(async (tx) => {
          // The test itself reads the table between two steps and must not wait behind this.
          await tx.execute(sql`set local lock_timeout = '5ms'`);
          await tx.execute(sql`truncate vectors`);
        });
        return;
      case 'move page':
        await db.execute(sql`
          update vectors set doc_id = ${operation.toDocument}, page = ${operation.toPage}
          where doc_id = ${docId} and page = ${page}`);
        return;
      case 'queue stray': {
        const ids = world.idsFor(docId, page, 'content', operation.count);
        await db.execute(sql`
          insert into vector_orphans (vector_ids, vector_count)
          values (${JSON.stringify(ids)}::text::jsonb, ${ids.length})`);
        return;
      }
      case 'purge':
        return this.purge(operation.batchIds, operation.store, db, gate);
    }
  }

  private async ingest(operation: Ingest, db: Db, gate: Gate): Promise<void> {
    const { docId, page, way } = operation;
    const vectorIds = this.world.idsFor(docId, page, operation.ids, operation.count);
    const pages = [{ docId, page, vectorIds }];
    const repository = createVectorRepository(db);
    if (way === 'ingest()') {
      await this.orAbandon(vectorIds, () =>
        repository.ingest(pages, (recorded) => this.write(recorded, gate)),
      );
    } else if (way === 'parts') {
      const recorded = await repository.upsertPages(pages, { pending: true });
      await this.writeAndMark(recorded, db, gate);
    } else if (way === 'two-phase commit') {
      await this.writeAndMark(await this.recordInTwoPhases(pages, gate), db, gate);
    } else if (way === 'merge' || way === 'copy') {
      await this.recordInSql(way, operation, vectorIds, db);
      const pending = await repository.findPending({ docId });
      const own = pending.filter((recorded) => recorded.page === page);
      await this.writeAndMark(own, db, gate);
    } else {
      const isolationLevel =
        way === 'savepoint'
          ? 'read committed'
          : (way.slice('transaction, '.length) as 'repeatable read');
      const recorded = await db.transaction(
        async (tx) => {
          const record = (on: Db) =>
            createVectorRepository(on).upsertPages(pages, { pending: true });
          const first = way === 'savepoint' ? await tx.transaction(record) : await record(tx);
          await gate();
          return first;
        },
        { isolationLevel },
      );
      await this.writeAndMark(recorded, db, gate);
    }
  }

  /** Records a page in a prepared transaction. No crash in between: somebody has to commit it. */
  private async recordInTwoPhases(pages: NewPageVectors[], gate: Gate): Promise<RecordedPage[]> {
    const client = postgres(this.url(), { max: 1, onnotice: () => {} });
    const name = `model_${randomBytes(6).toString('hex')}`;
    try {
      const recorded = await drizzle({ client }).transaction(async (tx) => {
        const first = await createVectorRepository(tx).upsertPages(pages, { pending: true });
        await gate();
        // The COMMIT that follows finds no transaction, which is only a warning.
        await tx.execute(sql.raw(`prepare transaction '${name}'`));
        return first;
      });
      await this.pass();
      await client.unsafe(`commit prepared '${name}'`);
      return recorded;
    } finally {
      await client.end({ timeout: 0 });
    }
  }

  /** Records a page as pending with a statement that is not the repository's. */
  private async recordInSql(
    way: 'merge' | 'copy',
    { docId, page }: Operation,
    vectorIds: string[],
    db: Db,
  ): Promise<void> {
    const ids = JSON.stringify(vectorIds);
    if (way === 'merge') {
      await db.execute(sql`
        merge into vectors using (
          select ${docId}::int as doc_id, ${page}::int as page, ${ids}::text::jsonb as ids
        ) as given
        on (vectors.doc_id, vectors.page) = (given.doc_id, given.page)
        when matched then update set vector_ids = given.ids, indexed_at = null
        when not matched then insert (doc_id, page, vector_ids, indexed_at)
          values (given.doc_id, given.page, given.ids, null)`);
      return;
    }
    // From a program, because postgres.js does not report the errors of `copy from stdin`.
    const line = `printf '%s\\t%s\\t%s\\t\\\\N\\n' ${docId} ${page} '${ids}'`;
    await db.execute(
      sql.raw(
        `copy vectors (doc_id, page, vector_ids, indexed_at) from program '${line.replaceAll("'", "''")}'`,
      ),
    );
  }

  private async purge(batchIds: number, mood: StoreMood, db: Db, gate: Gate): Promise<void> {
    const { world } = this;
    const callTimeoutMs = mood === 'hangs' ? 30 : undefined;
    await purgeOrphans(
      db,
      async (ids, { docId }) => {
        if (world.rejected.has(docId)) throw new StoreError('rejected');
        if (mood === 'hangs') world.addUnprotected(ids);
        const half = Math.ceil(ids.length / 2);
        await gate();
        world.store.delete(ids.slice(0, half));
        if (mood === 'fails halfway') throw new StoreError('failed halfway');
        await gate();
        world.store.delete(ids.slice(half));
        await gate();
      },
      { batchIds, callTimeoutMs },
    );
  }

  private async writeAndMark(recorded: readonly RecordedPage[], db: Db, gate: Gate): Promise<void> {
    const ids = recorded.flatMap(({ vectorIds }) => vectorIds);
    await this.orAbandon(ids, async () => {
      await this.write(recorded, gate);
      await createVectorRepository(db).markIndexed(recorded);
    });
  }

  /** Writes the vectors of recorded pages, in halves. */
  private async write(recorded: readonly RecordedPage[], gate: Gate): Promise<void> {
    const ids = recorded.flatMap(({ vectorIds }) => vectorIds);
    for (const half of [ids.slice(0, ids.length / 2), ids.slice(ids.length / 2)]) {
      await gate();
      this.world.store.write(half);
    }
    await gate();
  }

  private async orAbandon(ids: readonly string[], work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      for (const id of ids) this.world.abandon(id);
      throw error;
    }
  }

  private url(): string {
    const url = new URL(this.serverUrl);
    url.searchParams.set('application_name', this.name);
    return url.href;
  }

  private async open(): Promise<Db> {
    this.database ??= await openDatabase(this.url());
    return this.database.db;
  }

  private async crash(): Promise<never> {
    this.world.totals.crashes += 1;
    await this.world.control.execute(sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = ${this.name}`);
    // A crash is over when the server has rolled back everything that was under way.
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
    // Not awaited: nobody answers the queries of a crashed process.
    database?.close().catch(() => {});
  }
}

/** Errors that a correct host gets under this load and handles by trying again. */
const expectedStates = new Set([
  '40P01', // deadlock
  '40001', // serialization failure
  '23505', // a page is moved onto another, or copied over one
  '23503', // COPY or MERGE for a document that was deleted
  '55P03', // TRUNCATE does not wait for locks
]);

function isExpected(error: unknown): boolean {
  if (error instanceof Crash || error instanceof StoreError) return true;
  if (error instanceof PurgeError || error instanceof IngestError) {
    return isTimeout(error.cause) || isExpected(error.cause);
  }
  const mapped = toLedgerError(error);
  const { code } = Object(error);
  return (
    (mapped instanceof DatabaseError && expectedStates.has(mapped.sqlState)) ||
    mapped instanceof DocumentNotFoundError ||
    mapped instanceof DatabaseUnavailableError ||
    expectedStates.has(code)
  );
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
