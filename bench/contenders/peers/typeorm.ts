import { DataSource, EntitySchema } from 'typeorm';
import type { Contender } from '../../contender.ts';
import { inOrderOf, partsOf } from '../list-rows.ts';
import {
  type OriginalRow,
  originalDesign,
  originalPagesAStatement,
  originalTables,
  parseOriginalRow,
  toOriginalRow,
} from '../original.ts';

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

/** The original design on TypeORM, with node-postgres. */
export const originalTypeorm: Contender = {
  ...originalDesign,
  name: 'original design, TypeORM',
  packages: ['typeorm', 'pg'],
  async open(url) {
    const source = new DataSource({
      type: 'postgres',
      url,
      entities: [documentEntity, vectorsEntity],
    });
    await source.initialize();
    await source.query(originalTables);
    const documents = source.getRepository(documentEntity);
    const vectors = source.getRepository(vectorsEntity);
    return {
      async addDocuments(docIds) {
        await documents.insert(docIds.map((id) => ({ id })));
      },
      async writePages(pages) {
        for (const part of partsOf(pages.map(toOriginalRow), originalPagesAStatement)) {
          await vectors.insert(part);
        }
      },
      async findByPage(docId, page) {
        const rows = await vectors.findBy({ docId, page });
        return rows.flatMap((row) => parseOriginalRow(row).vectorIds);
      },
      async findByDocument(docId) {
        const rows = await vectors.find({ where: { docId }, order: { page: 'asc' } });
        return rows.map((row) => parseOriginalRow(row).vectorIds);
      },
      async findByPages(keys) {
        const rows = await vectors.findBy(keys.map(({ docId, page }) => ({ docId, page })));
        return inOrderOf(keys, rows.map(parseOriginalRow));
      },
      close: () => source.destroy(),
    };
  },
};
