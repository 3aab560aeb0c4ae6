import type { VectorLocation } from '../ledger/locate.ts';
import type { PageVectors } from '../schema.ts';
import { formatTable } from './output.ts';

/** A document's pages, a line each. */
export function formatPages(pages: readonly PageVectors[]): string {
  return formatTable(
    pages.map(({ page, vectorIds, grid, indexedAt }) => ({
      page,
      vectors: vectorIds.length,
      grid: grid === null ? '-' : `${grid.cols} x ${grid.rows} from ${grid.start}`,
      indexed: indexedAt?.toISOString() ?? 'pending',
      'first id': vectorIds[0] ?? '-',
      'last id': vectorIds.at(-1) ?? '-',
    })),
  );
}

/** A page's ids, a line each, with their positions from 0. */
export function formatPage({ vectorIds }: PageVectors): string {
  if (vectorIds.length === 0) return 'a page without vectors';
  return formatTable(vectorIds.map((id, patch) => ({ patch, 'vector id': id })));
}

/** Where vectors belong, a line each. */
export function formatLocations(locations: readonly VectorLocation[]): string {
  return formatTable(
    locations.map(({ vectorId, docId, page, patch }) => ({
      document: docId,
      page,
      patch,
      'vector id': vectorId,
    })),
  );
}
