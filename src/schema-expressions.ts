/** The long SQL expressions of the check and the index on `vectors.vector_ids`. */
import { type SQL, type SQLWrapper, sql } from 'drizzle-orm';
import { formatHeadInSql } from './ids/patch-id-layout.ts';

type VectorsColumns = Record<'docId' | 'page' | 'vectorIds', SQLWrapper>;

/**
 * Whether the page's ids are one run of its own patch ids.
 *
 * Such a page needs no index entry, because its ids name it. The function `vectors_holding` repeats this
 * condition, and test/unit/migrations.test.ts compares the two.
 */
export function isRunOfOwnPatchIds({ docId, page, vectorIds }: VectorsColumns): SQL {
  // The run's prefix ends with 9 of the patch's 12 digits; they are zero for the first 4096 patches.
  return sql`(${docId} > 0 and ${vectorIds} -> 1 is null and ${vectorIds} -> 0 -> 'radix' = '16'
        and ${vectorIds} -> 0 ->> 'prefix' = ${formatHeadInSql(docId, page)} || '000000000')`;
}

/**
 * Whether `vector_ids` is a JSON array of ids and runs.
 *
 * The first branch covers most rows and takes a third of the time, because it has no regular expression.
 * Otherwise, removing every invalid element must leave the array unchanged.
 */
export function isArrayOfIdsAndRuns(columns: VectorsColumns): SQL {
  const { vectorIds } = columns;
  return sql`(${isRunOfOwnPatchIds(columns)} and ${vectorIds} @? 'strict $[0] ? (@.from == "000"
          && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0)') is true
        or jsonb_path_query_array(${vectorIds}, '$[*] ? (@.type() == "string" || (
        @.prefix.type() == "string" && @.from.type() == "string" && @.count.type() == "number"
        && @.count >= 1 && @.count % 1 == 0
        && (((!exists (@.radix) || @.radix == 10) && @.from like_regex "^[0-9]{1,4}$"
             && @.from.double() + @.count <= 10000)
            || (@.radix == 16 && @.count <= 4096 && @.from like_regex "^[0-9a-f]{3}$"
                && @.prefix like_regex "^([0-9a-f]{29}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{9})$"))))') = ${vectorIds}`;
}
