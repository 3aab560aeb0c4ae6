/**
 * Hits from the search of each store. `npm run test:stores` compiles this file against the stores' own clients.
 */
import type { Table } from '@lancedb/lancedb';
import type { Index } from '@pinecone-database/pinecone';
import type { QdrantClient } from '@qdrant/js-client-rest';
import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import type { Collection as ChromaCollection } from 'chromadb';
import { type SQL, sql } from 'drizzle-orm';
import type { Collection } from 'weaviate-client';
import { type Hit, hitsFrom } from '../../src/page/index.ts';

declare const db: { execute(query: SQL): Promise<{ rows: Record<string, unknown>[] }> };
declare const qdrant: QdrantClient;
declare const milvus: MilvusClient;
declare const table: Table;
declare const collection: Collection;
declare const index: Index;
declare const chroma: ChromaCollection;

/** The hits of a query, given as one vector for each of its tokens. */
export const searches: Record<string, (query: number[][]) => Promise<Hit[]>> = {
  // Qdrant: a multi-vector point, or one search for each token
  qdrantPoints: async (query) => hitsFrom.qdrant(await qdrant.query('pages', { query })),
  qdrantPatches: async (query) => {
    const searches = query.map((vector) => ({ query: vector, limit: 100 }));
    const responses = await qdrant.queryBatch('patches', { searches });
    return responses.flatMap((response, queryToken) => hitsFrom.qdrant(response, { queryToken }));
  },
  qdrantSearch: async ([vector = []]) =>
    hitsFrom.qdrant(await qdrant.search('patches', { vector })),

  // LanceDB
  lancedb: async ([vector = []]) => {
    const rows = await table.vectorSearch(vector).distanceType('cosine').toArray();
    return hitsFrom.lancedb(rows, { distanceType: 'cosine' });
  },

  // pgvector, through any driver
  pgvector: async ([vector]) => {
    const { rows } = await db.execute(
      sql`select id, embedding <=> ${JSON.stringify(vector)}::vector as distance from patches
        order by distance limit 100`,
    );
    return hitsFrom.pgvector(rows, { operator: '<=>' });
  },

  // Milvus: one list of results for each token
  milvus: async (data) =>
    hitsFrom.milvus(await milvus.search({ collection_name: 'patches', data, limit: 100 })),

  // Weaviate
  weaviate: async (query) =>
    hitsFrom.weaviate(await collection.query.nearVector(query, { returnMetadata: ['distance'] }), {
      distance: 'dot',
    }),

  // Pinecone
  pinecone: async ([vector = []]) => hitsFrom.pinecone(await index.query({ vector, topK: 100 })),

  // Chroma: one list of results for each token
  chroma: async (queryEmbeddings) =>
    hitsFrom.chroma(await chroma.query({ queryEmbeddings }), { space: 'cosine' }),
};
