import postgres from 'postgres';
import {
  type AuditedStore,
  createVectorRepository,
  type Db,
  type DeleteVectors,
} from '../../src/index.ts';

/** All purges of the test must agree on the time limit: it says how long an earlier call may have gone on. */
export const purgeOptions = { callTimeoutMs: 500 };

/** A vector store that outlives every process of the test: a table of points on another server. */
export interface PointStore extends AuditedStore {
  write(ids: readonly string[]): Promise<void>;
  deleteVectors: DeleteVectors;
  close(): Promise<void>;
}

export async function createPointStore(url: string): Promise<PointStore> {
  const store = postgres(url, { max: 1, onnotice: () => {} });
  await store`create table points (id text primary key)`;
  await store.end();
  return connectPointStore(url);
}

export function connectPointStore(url: string): PointStore {
  const sql = postgres(url, { max: 2 });
  return {
    // In thirds, so that a kill can come in between.
    async write(ids) {
      const third = Math.ceil(ids.length / 3);
      for (let start = 0; start < ids.length; start += third) {
        const part = ids.slice(start, start + third);
        await sql`insert into points select unnest(${part}::text[]) on conflict do nothing`;
      }
    },
    async deleteVectors(ids) {
      await sql`delete from points where id = any (${ids}::text[])`;
    },
    async *listIds() {
      for await (const rows of sql<{ id: string }[]>`select id from points`.cursor(5_000)) {
        yield rows.map(({ id }) => id);
      }
    },
    async existing(ids) {
      const rows = await sql<
        { id: string }[]
      >`select id from points where id = any (${ids}::text[])`;
      return rows.map(({ id }) => id);
    },
    close: () => sql.end(),
  };
}

/** Writes the vectors of pending pages and marks the pages, as a service does when it starts. */
export async function finishPending(db: Db, store: PointStore): Promise<void> {
  const repository = createVectorRepository(db);
  for (const page of await repository.findPending()) {
    await store.write(page.vectorIds);
    await repository.markIndexed([page]);
  }
}
