import { expect, test } from 'vitest';
import { createVectorRepository } from '../../src/index.ts';
import { createDocument, execute, select, useTestDatabase } from '../support/database.ts';

const db = useTestDatabase();

test('on a shard, locate finds ids through the index', async () => {
  const docIds: number[] = [];
  for (let index = 0; index < 20; index += 1) docIds.push(await createDocument(db()));
  const pages = docIds.flatMap((docId) =>
    Array.from({ length: 500 }, (_, index) => ({
      docId,
      page: index + 1,
      vectorIds: [`single-${docId}-${index}`],
    })),
  );
  await createVectorRepository(db()).upsertPages(pages);
  await execute(db(), 'analyze vectors');
  const plan = await select<{ 'QUERY PLAN': string }>(
    db(),
    `explain select wanted.key, holding.doc_id, holding.page
    from jsonb_array_elements_text('["single-1-1", "single-2-2"]'::jsonb) as wanted (key)
    join vectors as holding
      on vectors_index_keys(holding.vector_ids) && array[vectors_index_key(wanted.key)]
      and not vectors_has_own_ids(holding.doc_id, holding.page, holding.vector_ids)`,
  );
  const text = plan.map((row) => row['QUERY PLAN']).join('\n');
  expect(text).toMatch(/Bitmap Index Scan on ix_vectors_vector_ids_\d+/);
  expect(text).not.toContain('Seq Scan');
});
