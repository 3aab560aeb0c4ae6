import { createVectorRepository, type Db, type PageVectors } from '../../src/index.ts';
import type { Collection } from './collection.ts';

/**
 * Embeds every page of one collection into another, except those that it has already. An interrupted run loses nothing:
 * the next one goes on where it stopped.
 *
 * @returns How many pages it embedded. If pages change during a run, the next run embeds them again.
 */
export async function reEmbed(
  db: Db,
  from: Collection,
  to: Collection,
  options: { signal?: AbortSignal } = {},
): Promise<number> {
  const source = createVectorRepository(db, { ledger: from.ledger });
  const target = createVectorRepository(db, { ledger: to.ledger });

  async function* pagesToEmbed() {
    for await (const page of source.streamPages(options)) {
      const { docId, page: number } = page;
      if (isUpToDate(await target.findByPage(docId, number), page)) continue;
      yield { docId, page: number, vectorIds: to.idsOf(docId, number) };
    }
  }

  return target.ingest(
    pagesToEmbed(),
    async (recorded) => {
      // The target has recorded these pages. From now on, `deletePage` of serve.ts deletes them in both ledgers.
      // Here we look for pages that were deleted before the target recorded them.
      const originals = await source.findByPages(recorded);
      for (const [index, { docId, page, vectorIds }] of recorded.entries()) {
        if (originals[index] === undefined) await target.deleteByPage(docId, page);
        else await to.write(vectorIds, await to.embedPage(docId, page));
      }
    },
    { chunkPages: 10, ...options },
  );
}

/** Whether a copy is indexed and was recorded after its original. Otherwise it may show an older state of the page. */
function isUpToDate(copy: PageVectors<string> | undefined, original: PageVectors<string>): boolean {
  if (copy === undefined || copy.indexedAt === null) return false;
  return copy.recordedAt > original.recordedAt;
}
