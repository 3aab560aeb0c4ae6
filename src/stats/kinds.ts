import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { ledgerFunction } from '../ledger/read-pages.ts';
import type { VectorTables } from '../tables.ts';
import { ifReadable } from './readable.ts';
import { samplePercent, type TableSize } from './relations.ts';

/** How the pages of a sample store their ids. */
export interface PageKinds {
  /** How many pages the sample has. */
  sampled: number;
  /** Whether the sample has all pages that the role sees. If not, expect an error of a few percent. */
  complete: boolean;
  /** Pages with more than ten ids, all of them their own patch ids. The index on `vector_ids` leaves them out. */
  patchIds: number;
  /** Pages with one id, of any kind. */
  oneId: number;
  /** Pages with at least one pack of UUIDs. */
  packs: number;
  /** Lists and runs of other ids, and pages without ids. */
  other: number;
}

/** How many random blocks of the table are read. */
const sampleBlocks = 200;
/** How many of the pages in these blocks are sampled. Packs are in TOAST, where each needs several reads. */
const samplePages = 300;

/**
 * Samples random pages in random blocks, so that its cost does not grow with the table.
 *
 * @returns The kinds, and how many pages the table has according to the sample. Null if the role may not read them.
 */
export async function readPageKinds(
  db: Db,
  tables: VectorTables,
  sizes: readonly TableSize[],
): Promise<{ kinds: PageKinds; estimatedPages: number } | null> {
  const percent = samplePercent(sizes, 'vectors', sampleBlocks);
  return ifReadable(db, async (readable) => {
    const [found] = rowsOf<Record<'pages' | 'sampled' | 'patch_ids' | 'one_id' | 'packs', number>>(
      // Sorting does not read TOAST. Only the chosen pages are decompressed.
      await readable.execute(sql`
        with candidate as materialized (
          select doc_id, page, vector_ids, random() as position
          from ${tables.vectors} tablesample system (${percent}::double precision)
        ), sampled as materialized (
          select doc_id, page, vector_ids from candidate order by position limit ${samplePages}::integer
        ), classified as materialized (
          select case
            when ${ledgerFunction(tables, 'has_own_ids')}(doc_id, page, vector_ids) then 'patch ids'
            when jsonb_array_length(vector_ids) = 1 and jsonb_typeof(vector_ids -> 0) = 'string' then 'one id'
            when vector_ids @? '$[*].uuids' then 'packs'
          end as kind
          from sampled
        )
        select (select count(*) from candidate)::double precision as pages,
          count(*)::double precision as sampled,
          (count(*) filter (where kind = 'patch ids'))::double precision as patch_ids,
          (count(*) filter (where kind = 'one id'))::double precision as one_id,
          (count(*) filter (where kind = 'packs'))::double precision as packs
        from classified`),
    );
    // A count always returns a row.
    const { pages, sampled, patch_ids, one_id, packs } = found as NonNullable<typeof found>;
    return {
      kinds: {
        sampled,
        complete: percent === 100 && sampled === pages,
        patchIds: patch_ids,
        oneId: one_id,
        packs,
        other: sampled - patch_ids - one_id - packs,
      },
      estimatedPages: Math.round((pages * 100) / percent),
    };
  });
}
