/**
 * `deleteVectors` for each store that docs/vector-store.md lists.
 *
 * `npm run test:stores` compiles this file against the stores' own clients.
 */
import type { Table } from '@lancedb/lancedb';
import type { Index } from '@pinecone-database/pinecone';
import type { QdrantClient } from '@qdrant/js-client-rest';
import type { MilvusClient } from '@zilliz/milvus2-sdk-node';
import { sql } from 'drizzle-orm';
import type { Collection } from 'weaviate-client';
import { type Db, type DeleteVectors, purgeOrphans } from '../../src/index.ts';

declare const db: Db;
declare const qdrant: QdrantClient;
declare const milvus: MilvusClient;
declare const table: Table;
declare const collection: Collection;
declare const index: Index;

function assertSuccess(result: { status: { error_code: string | number; reason: string } }): void {
  if (result.status.error_code !== 'Success') throw new Error(result.status.reason);
}

export const stores: Record<string, DeleteVectors> = {
  // Qdrant
  qdrant: (ids) => qdrant.delete('patches', { wait: true, points: ids }),

  // Milvus: the client returns the server's errors instead of throwing them
  milvus: async (ids) => assertSuccess(await milvus.delete({ collection_name: 'patches', ids })),

  // LanceDB
  lancedb: (ids) => table.delete(`id in (${ids.map((id) => `'${id.replaceAll("'", "''")}'`)})`),

  // pgvector in the same database: uses the purge's transaction
  pgvector: (ids, { tx }) =>
    tx.execute(sql`delete from patches where id = any (${sql.param(ids)}::uuid[])`),

  // Weaviate: the client counts the failures instead of throwing
  weaviate: async (ids) => {
    const { failed } = await collection.data.deleteMany(collection.filter.byId().containsAny(ids));
    if (failed > 0) throw new Error(`${failed} of ${ids.length} vectors were not deleted`);
  },

  // Pinecone
  pinecone: (ids) => index.deleteMany({ ids }),
};

export const purged = purgeOrphans(db, stores['qdrant'] as DeleteVectors);
