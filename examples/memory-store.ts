import type { ExampleStore, Point } from './scenario.ts';

/** A vector store in memory. It stands in for Qdrant and the like in the demo. */
export class MemoryStore implements ExampleStore {
  readonly #vectors = new Map<string, number[]>();

  get size(): number {
    return this.#vectors.size;
  }

  async write(points: Point[]): Promise<void> {
    for (const { id, vector } of points) this.#vectors.set(id, vector);
  }

  async search(query: number[], limit: number): Promise<string[]> {
    return [...this.#vectors]
      .map(([id, vector]) => ({ id, similarity: cosine(query, vector) }))
      .sort((a, b) => b.similarity - a.similarity)
      .slice(0, limit)
      .map(({ id }) => id);
  }

  async deleteVectors(ids: string[]): Promise<void> {
    for (const id of ids) this.#vectors.delete(id);
  }

  async *listIds(): AsyncGenerator<string[]> {
    yield [...this.#vectors.keys()];
  }

  async existing(ids: string[]): Promise<string[]> {
    return ids.filter((id) => this.#vectors.has(id));
  }
}

function cosine(a: number[], b: number[]): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
