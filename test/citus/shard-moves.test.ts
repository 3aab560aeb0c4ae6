import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  patchVectorIds,
  purgeOrphans,
  vectorOrphans,
} from '../../src/index.ts';
import { createDocument, makeDue, select } from '../support/database.ts';
import { MemoryStore } from '../support/memory-store.ts';
import { usePurgerAndWriter } from '../support/purger-and-writer.ts';

const session = usePurgerAndWriter();
const pagesPerDocument = 5;

/** A store whose deletes take as long as those of a real one. */
class SlowStore extends MemoryStore {
  readonly deleteSlowly = async (ids: string[]): Promise<void> => {
    for (const half of [ids.slice(0, ids.length / 2), ids.slice(ids.length / 2)]) {
      await sleep(10);
      for (const id of half) this.ids.delete(id);
    }
  };
}

test.each(['block_writes', 'force_logical'])(
  'while shards move (%s), no live vector is deleted and none is forgotten',
  async (mode) => {
    const { db } = session.writer;
    const repository = createVectorRepository(db);
    const store = new SlowStore();
    const docIds: number[] = [];
    for (let index = 0; index < 6; index += 1) docIds.push(await createDocument(db));
    let isMoving = true;
    let purged = 0;
    let recorded = 0;
    let moves = 0;

    /** Deletes and records the same pages again and again, with the same ids. */
    const write = async (docId: number) => {
      while (isMoving) {
        for (let page = 1; page <= pagesPerDocument; page += 1) {
          await repository.deleteByPage(docId, page);
          // Time for a purge to delete the page's vectors.
          await sleep(20);
          const vectorIds = patchVectorIds({ docId, page, count: 1 + (recorded % 7) });
          await repository.ingest([{ docId, page, vectorIds }], async (pages) => {
            store.write(pages.flatMap((pending) => pending.vectorIds));
          });
          recorded += 1;
        }
      }
    };
    const purge = async () => {
      while (isMoving) {
        await makeDue(session.purger.db);
        const { deleted } = await purgeOrphans(session.purger.db, store.deleteSlowly);
        purged += deleted;
      }
    };
    const writers = docIds.map(write);
    const purger = purge();
    try {
      for (; moves < 10 || (purged < 20 && moves < 60); moves += 1) {
        await moveShard(db, docIds[moves % docIds.length] as number, mode);
        await sleep(100);
      }
    } finally {
      isMoving = false;
      await Promise.all([...writers, purger]);
    }

    const isMissing = (id: string) => !store.ids.has(id);
    for await (const { vectorIds, indexedAt } of repository.streamPages()) {
      if (indexedAt !== null) expect(vectorIds.filter(isMissing)).toEqual([]);
    }
    // A purge makes a page pending that recorded ids of an earlier attempt. A service writes them again.
    for (let round = 1; round <= 3; round += 1) {
      const pending = await repository.findPending();
      store.write(pending.flatMap(({ vectorIds }) => vectorIds));
      await repository.markIndexed(pending);
      await makeDue(db);
      await purgeOrphans(db, store.deleteVectors);
    }
    expect(await db.$count(vectorOrphans)).toBe(0);
    expect(await repository.findPending()).toEqual([]);
    const live: string[] = [];
    for await (const { vectorIds } of repository.streamPages()) live.push(...vectorIds);
    expect([...store.ids].toSorted()).toEqual(live.toSorted());
    expect(purged).toBeGreaterThan(0);
    console.log(`${mode}: ${moves} moves, ${recorded} pages recorded, ${purged} ids purged`);
  },
  300_000,
);

/**
 * Moves the shard of a document to the other worker.
 *
 * Citus first drops what the last move has left behind. It refuses to move the shard while a statement still uses that.
 */
async function moveShard(db: Db, docId: number, mode: string): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      await tryToMoveShard(db, docId, mode);
      return;
    } catch (error) {
      const isInUse = /leftover from the previous move/.test(String((error as Error).cause));
      if (!isInUse || attempt === 20) throw error;
      await sleep(200);
    }
  }
}

async function tryToMoveShard(db: Db, docId: number, mode: string): Promise<void> {
  await select(
    db,
    `select citus_move_shard_placement(
      placement.shardid, placement.nodename, placement.nodeport, target.nodename, target.nodeport, '${mode}')
    from pg_dist_shard_placement as placement
    join pg_dist_node as target
      on target.noderole = 'primary' and target.shouldhaveshards and target.nodeport <> placement.nodeport
    where placement.shardid = get_shard_id_for_distribution_column('documents', ${docId})
    limit 1`,
  );
}
