/** The long SQL expressions of the checks, and of the index on `vector_ids`. */
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
  return sql`(${docId} > 0 and ${vectorIds} -> 1 is null and ${vectorIds} -> 0 -> 'radix'::text = '16'
        and ${vectorIds} -> 0 ->> 'prefix'::text = ${formatHeadInSql(docId, page)} || '000000000')`;
}

/** Whether the ids are one run of the page's own patch ids that the decoder can read. Needs no function. */
function isValidRunOfOwnPatchIds(columns: VectorsColumns): SQL {
  return sql`(${isRunOfOwnPatchIds(columns)} and ${columns.vectorIds} @? 'strict $[0] ? (@.from == "000"
          && @.count >= 1 && @.count <= 4096 && @.count % 1 == 0)'::jsonpath) is true`;
}

/**
 * Whether the decoder can read `vector_ids`. Lists of ids need no function: a call per page would take as long as
 * the rest of the insert.
 */
export function areReadableIds(columns: VectorsColumns): SQL {
  const { vectorIds } = columns;
  return sql`${isValidRunOfOwnPatchIds(columns)} or (jsonb_typeof(${vectorIds}) = 'array'
        and (not ${vectorIds} @? 'strict $[*] ? (@.type() != "string")'::jsonpath or vectors_ids_are_valid(${vectorIds})))`;
}

/** Whether the decoder can read `vector_ids` and every id can be found in all its spellings. */
export function areFindableIds(columns: VectorsColumns): SQL {
  const { vectorIds } = columns;
  // Most lists have no upper-case hexadecimal digit.
  return sql`(${areReadableIds(columns)})
        and (${vectorIds}::text !~ '[A-F]' or vectors_ids_have_one_case(${vectorIds}))`;
}

/** Whether the grid is null or has the fields that every grid has. Later versions may add fields. */
export function isGridOrNull({ grid }: Record<'grid', SQLWrapper>): SQL {
  return sql`${grid} is null or (${grid} @? 'strict $ ? (@.cols >= 1 && @.rows >= 1 && @.start >= 0
        && @.cols % 1 == 0 && @.rows % 1 == 0 && @.start % 1 == 0)'::jsonpath) is true`;
}
