import type { DocumentId } from '../document-id.ts';
import { type Box, patchesInBox } from '../page/boxes.ts';
import { readableGrid } from '../page/grid.ts';
import type { PageKey } from './page.ts';
import type { PageStatements } from './read-pages.ts';

/** The ids of the patches in a checked box of a page, in patch order; undefined if the page or its grid is unknown. */
export async function findVectorIdsInBox(
  statements: PageStatements,
  key: PageKey<DocumentId>,
  box: Box,
): Promise<string[] | undefined> {
  const [page] = await statements.byPage({ docId: key.docId, page: key.page });
  const grid = readableGrid(page?.grid);
  if (page === undefined || grid === null) return undefined;
  const { vectorIds } = page;
  const patches = patchesInBox(grid, box);
  if (vectorIds.length === 1) return patches.length === 0 ? [] : vectorIds;
  // A grid that was written with SQL can need more vectors than the page has.
  return patches.flatMap((patch) => vectorIds[patch] ?? []);
}
