/** Keeps the ledger in an embedded PostgreSQL and the vectors in LanceDB: `npm run example:lancedb`. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from '@lancedb/lancedb';
import { Field, FixedSizeList, Float32, Schema, Utf8 } from 'apache-arrow';
import { migrate, openDatabase } from '../../src/index.ts';
import { dimensions } from '../embedding.ts';
import { type ExampleStore, runScenario } from '../scenario.ts';

const folder = mkdtempSync(join(tmpdir(), 'colpali-vectors-'));
const url = join(folder, 'ledger');
await migrate({ url });
const { db, close } = await openDatabase(url);

const lance = await connect(join(folder, 'lance'));
const table = await lance.createEmptyTable(
  'points',
  new Schema([
    new Field('id', new Utf8(), false),
    new Field(
      'vector',
      new FixedSizeList(dimensions, new Field('item', new Float32(), true)),
      false,
    ),
  ]),
);

/** A filter in LanceDB's SQL dialect: rows with one of these ids. */
const idIn = (ids: string[]) => `id in (${ids.map((id) => `'${id.replaceAll("'", "''")}'`)})`;

const store: ExampleStore = {
  async write(points) {
    await table
      .mergeInsert('id')
      .whenMatchedUpdateAll()
      .whenNotMatchedInsertAll()
      .execute(points.map(({ id, vector }) => ({ id, vector })));
  },

  async search(query, limit) {
    const nearest = table.query().nearestTo(query).distanceType('cosine').limit(limit);
    const rows: { id: string }[] = await nearest.select(['id', '_distance']).toArray();
    return rows.map(({ id }) => id);
  },

  deleteVectors: (ids) => table.delete(idIn(ids)),

  async *listIds() {
    for await (const batch of table.query().select(['id'])) {
      yield [...(batch.getChild('id') ?? [])] as string[];
    }
  },

  async existing(ids) {
    const rows: { id: string }[] = await table.query().where(idIn(ids)).select(['id']).toArray();
    return rows.map(({ id }) => id);
  },
};

await runScenario(db, store);
await close();
rmSync(folder, { recursive: true, force: true });
