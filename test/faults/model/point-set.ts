import { canonicalId } from '../../../src/ids/spellings.ts';
import type { AuditedStore } from '../../../src/index.ts';

/** A vector store in memory that treats all spellings of a UUID as one point, as Qdrant does. */
export class PointSet implements AuditedStore {
  private readonly points = new Set<string>();

  write(ids: Iterable<string>): void {
    for (const id of ids) this.points.add(canonicalId(id));
  }

  delete(ids: Iterable<string>): void {
    for (const id of ids) this.points.delete(canonicalId(id));
  }

  has(id: string): boolean {
    return this.points.has(canonicalId(id));
  }

  /** All points, in their canonical form. */
  all(): string[] {
    return [...this.points].toSorted();
  }

  async *listIds(): AsyncGenerator<string[]> {
    yield [...this.points];
  }

  async existing(ids: string[]): Promise<string[]> {
    return ids.filter((id) => this.has(id));
  }
}
