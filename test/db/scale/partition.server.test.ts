import { sql } from 'drizzle-orm';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  createVectorRepository,
  documents,
  type OpenDatabase,
  openDatabase,
  partition,
} from '../../../src/index.ts';
import { readShape } from '../../../src/scale/shape.ts';
import { defaultTables } from '../../../src/tables.ts';
import { execute, select, useServerDatabase } from '../../support/database.ts';
import { thrownBy } from '../../support/thrown-by.ts';

const url = useServerDatabase();
let owner: OpenDatabase;
let service: OpenDatabase;

beforeAll(async () => {
  owner = await openDatabase(url());
  service = await openDatabase(url());
  await owner.db
    .insert(documents)
    .values(Array.from({ length: 300 }, (_, index) => ({ id: index + 1 })));
});
afterAll(async () => {
  await owner.close();
  await service.close();
});

test('readers, writers and deletes of documents go on while the shape changes, and nothing is lost', async () => {
  const repository = createVectorRepository(service.db);
  let isRunning = true;
  const pages = new Set<string>();
  const deleted: number[] = [];
  const repeat = async (work: (round: number) => Promise<unknown>) => {
    for (let round = 1; isRunning; round += 1) await work(round);
  };
  const load = Promise.all([
    repeat(() => repository.locate(['unknown'])),
    repeat(() => service.db.select().from(documents).limit(1)),
    repeat(() =>
      service.db.execute(sql`
      select count(*) from documents join vectors on doc_id = documents.id`),
    ),
    ...[1, 2, 3].map((docId) =>
      repeat(async (page) => {
        await repository.upsertPage({ docId, page, vectorIds: [`${docId}-${page}`] });
        pages.add(`${docId} ${page}`);
      }),
    ),
    repeat(async (round) => {
      const docId = 10 + round;
      await service.db.insert(documents).values({ id: docId }).onConflictDoNothing();
      await repository.upsertPage({ docId, page: 1, vectorIds: [`${docId}`] });
      await service.db.execute(sql`delete from documents where id = ${docId}`);
      deleted.push(docId);
    }),
  ]);
  const changes = [{ at: [10_000] }, { at: [20_000] }, { drop: 'vectors_p1' }, { undo: true }];
  for (const change of changes) {
    await partition(owner.db, change);
  }
  isRunning = false;
  await load;
  expect(await readShape(owner.db, defaultTables)).toEqual({ kind: 'plain' });
  expect(pages.size).toBeGreaterThan(0);
  const recorded = await select<{ key: string }>(
    service.db,
    `select doc_id || ' ' || page as key from vectors`,
  );
  expect(recorded.map(({ key }) => key).toSorted()).toEqual([...pages].toSorted());
  const queued = await select<{ id: number }>(
    service.db,
    'select doc_id as id from vector_orphans order by doc_id',
  );
  expect(queued.map(({ id }) => id)).toEqual(deleted);
}, 120_000);

test('a step that does not get its lock lets others pass, and is tried again', async () => {
  let end = () => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });
  const open = service.db.transaction(async (tx) => {
    await createVectorRepository(tx).countPages(1);
    await ended;
  });
  const change = partition(owner.db, { at: [10_000], lockTimeoutMs: 50 });
  const reader = await openDatabase(url());
  for (let round = 0; round < 20; round += 1) {
    await createVectorRepository(reader.db).countPages(1);
  }
  expect((await readShape(reader.db, defaultTables)).kind).toBe('plain');
  end();
  await open;
  await change;
  expect((await readShape(reader.db, defaultTables)).kind).toBe('partitioned');
  await reader.close();
}, 60_000);

test('a check that an earlier run has left is removed, or named if a lock is in the way', async () => {
  await partition(owner.db, { undo: true });
  const check = sql`alter table vectors add constraint vectors_range_check check (doc_id < 10) not valid`;
  await owner.db.execute(check);
  await owner.db.execute(sql`create unique index vectors_id_doc_id_key on vectors (id, doc_id)`);
  const failing = () => thrownBy(partition(owner.db, { at: [30_000], lockTimeoutMs: 1 }));
  await service.db.transaction(async (tx) => {
    await createVectorRepository(tx).countPages(1);
    expect(String(await failing())).toContain(
      'Writers may fail until you run this: alter table public.vectors drop constraint if exists vectors_range_check;',
    );
  });
  await partition(owner.db, { at: [30_000] });
  await partition(owner.db, { undo: true });
});

test('a role that row level security hides pages from changes nothing', async () => {
  await execute(
    owner.db,
    `create role partition_owner login password 'secret'`,
    'alter table vectors owner to partition_owner',
    'alter table vector_orphans owner to partition_owner',
    'alter table vectors enable row level security',
    'alter table vectors force row level security',
    'grant all on documents to partition_owner',
  );
  const address = new URL(url());
  Object.assign(address, { username: 'partition_owner', password: 'secret' });
  const hidden = await openDatabase(address.href);
  try {
    for (const change of [{ at: [40_000] }, { undo: true }]) {
      await expect(partition(hidden.db, change)).rejects.toThrow('Row level security may hide');
    }
  } finally {
    await hidden.close();
    await execute(
      owner.db,
      'alter table vectors no force row level security',
      'alter table vectors disable row level security',
      'reassign owned by partition_owner to current_user',
      'drop owned by partition_owner',
      'drop role partition_owner',
    );
  }
});
