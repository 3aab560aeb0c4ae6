import type { AuditedStore, DeleteVectors, Ledger } from '../../src/index.ts';
import type { Hit } from '../../src/page/index.ts';

/** A model, the collection of its vectors in the vector store, and the ledger of that collection. */
export interface Collection extends AuditedStore {
  ledger: Ledger<string>;
  /** The ids for the vectors of a page. It is called before the page is embedded. */
  idsOf(docId: string, page: number): string[];
  /** Embeds a page as it is now. */
  embedPage(docId: string, page: number): Promise<number[][]>;
  embedQuery(question: string): Promise<number[][]>;
  /** Writes vectors under these ids. Replaces those that exist. */
  write(vectorIds: readonly string[], vectors: number[][]): Promise<unknown>;
  search(query: number[][]): Promise<Hit[]>;
  deleteVectors: DeleteVectors<string>;
}
