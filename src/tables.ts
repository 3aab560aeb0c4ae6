import { documents, vectorOrphans, vectors } from './schema.ts';

/** The tables that the functions of this package work on. */
export interface VectorTables {
  documents: typeof documents;
  vectors: typeof vectors;
  vectorOrphans: typeof vectorOrphans;
}

/** The package's own tables. */
export const defaultTables: VectorTables = { documents, vectors, vectorOrphans };
