import { parsePatchVectorIdInAnySpelling } from '../ids/patch-id.ts';
import type { VectorTables } from '../tables.ts';
import { keyOf, type PageKey } from './page.ts';

/** A page and the ids that name it. */
export interface NamedPage extends PageKey {
  ids: string[];
}

/**
 * Groups ids by the page that they name, in any spelling. Only patch ids name a page, and only if documents have
 * integer keys.
 *
 * @returns The pages by `keyOf`, and the ids that name no page.
 */
export function groupByNamedPage(
  { keyType }: VectorTables,
  ids: readonly string[],
): { pages: Map<string, NamedPage>; others: string[] } {
  const pages = new Map<string, NamedPage>();
  const others: string[] = [];
  for (const id of ids) {
    const place = keyType === 'integer' ? parsePatchVectorIdInAnySpelling(id) : undefined;
    if (place === undefined) {
      others.push(id);
      continue;
    }
    const { docId, page } = place;
    const named = pages.get(keyOf(place));
    if (named === undefined) pages.set(keyOf(place), { docId, page, ids: [id] });
    else named.ids.push(id);
  }
  return { pages, others };
}
