import type { AuditedStore, DeleteVectors, DocumentId } from '../../src/index.ts';

/** A vector store that keeps its ids in memory and records which ids it was asked to delete. */
export class MemoryStore implements AuditedStore {
  readonly ids = new Set<string>();
  /** The ids of all deletes, in order. */
  readonly deleted: string[] = [];

  write(ids: Iterable<string>): void {
    for (const id of ids) this.ids.add(id);
  }

  readonly deleteVectors: DeleteVectors<DocumentId> = async (ids) => {
    for (const id of ids) this.ids.delete(id);
    this.deleted.push(...ids);
  };

  async *listIds(): AsyncGenerator<string[]> {
    const ids = [...this.ids];
    for (let start = 0; start < ids.length; start += 700) yield ids.slice(start, start + 700);
  }

  async existing(ids: string[]): Promise<string[]> {
    return ids.filter((id) => this.ids.has(id));
  }
}
