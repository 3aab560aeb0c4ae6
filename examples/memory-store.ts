import { type Hit, hitsFrom } from '../src/page/index.ts';
import type { PageStore, StoredPage } from './evidence.ts';
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
    return (await this.nearest(query, limit)).map(({ id }) => id);
  }

  /** The ids of the vectors nearest to the query with their cosine similarities, nearest first. */
  async nearest(query: number[], limit: number): Promise<{ id: string; score: number }[]> {
    return [...this.#vectors]
      .map(([id, vector]) => ({ id, score: cosine(query, vector) }))
      .sort((a, b) => b.score - a.score)
      .slice(0, limit);
  }

  async read(ids: readonly string[]): Promise<number[][]> {
    return ids.map((id) => this.#vectors.get(id) ?? []);
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

/** A vector store in memory for the pages of demo-pages/, with an id for each vector. */
export class MemoryPageStore implements PageStore {
  readonly #points = new MemoryStore();

  async write({ vectorIds, vectors }: StoredPage): Promise<void> {
    await this.#points.write(
      vectorIds.map((id, patch) => ({ id, vector: vectors[patch] as number[] })),
    );
  }

  async search(tokens: number[][]): Promise<Hit[]> {
    const responses = await Promise.all(tokens.map((token) => this.#points.nearest(token, 100)));
    // The points have the form of a Qdrant response.
    return responses.flatMap((points, queryToken) => hitsFrom.qdrant(points, { queryToken }));
  }

  read(vectorIds: readonly string[]): Promise<number[][]> {
    return this.#points.read(vectorIds);
  }
}

function cosine(a: number[], b: number[]): number {
  return dot(a, b) / Math.sqrt(dot(a, a) * dot(b, b));
}

function dot(a: number[], b: number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
