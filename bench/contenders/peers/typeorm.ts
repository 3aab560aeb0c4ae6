import { DataSource, EntitySchema } from 'typeorm';
import { type OriginalRow, originalDesign, originalTables } from '../original.ts';
import { openPool } from './pool.ts';

const documentEntity = new EntitySchema<{ id: number }>({
  name: 'documents',
  columns: { id: { type: 'integer', primary: true, generated: true } },
});

const vectorsEntity = new EntitySchema<OriginalRow & { id: number }>({
  name: 'vectors',
  columns: {
    id: { type: 'integer', primary: true, generated: true },
    docId: { type: 'integer', name: 'doc_id' },
    page: { type: 'integer' },
    vectorIds: { type: 'text', name: 'vector_ids' },
  },
  indices: [{ name: 'ix_vectors_doc_id', columns: ['docId'] }],
});

/** Uses node-postgres. */
export const originalTypeorm = originalDesign('TypeORM', {
  packages: ['typeorm', 'pg'],
  async connect(url) {
    const source = new DataSource({
      type: 'postgres',
      ...(url.startsWith('postgres') ? { url } : { driver: { Pool: poolOf(url) } }),
      entities: [documentEntity, vectorsEntity],
    });
    await source.initialize();
    await source.query(originalTables);
    const documents = source.getRepository(documentEntity);
    const vectors = source.getRepository(vectorsEntity);
    return {
      insertDocuments: (docIds) => documents.insert(docIds.map((id) => ({ id }))),
      insertRows: (rows) => vectors.insert(rows),
      selectPage: (docId, page) => vectors.findBy({ docId, page }),
      selectDocument: (docId) => vectors.find({ where: { docId }, order: { page: 'asc' } }),
      selectPages: (keys) => vectors.findBy(keys.map(({ docId, page }) => ({ docId, page }))),
      deletePages: (docId) => vectors.delete({ docId }),
      close: () => source.destroy(),
    };
  },
});

/** A class whose objects are the pool of a PGlite, because TypeORM creates the pool itself. */
function poolOf(directory: string) {
  return function Pool() {
    return openPool(directory);
  };
}
