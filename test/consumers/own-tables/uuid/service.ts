import assert from 'node:assert/strict';
import { createVectorRepository } from 'colpali-vectors';
import { drizzle } from 'drizzle-orm/node-postgres';
import { Pool } from 'pg';
import { liveThrough } from '../life.js';
import { colpali, colqwen, files } from './schema.js';

const pool = new Pool({ connectionString: process.env['DATABASE_URL'] });
const db = drizzle({ client: pool });

/** Two new files. */
async function addFiles(): Promise<[string, string]> {
  const rows = await db
    .insert(files)
    .values([{ name: 'a.pdf' }, { name: 'b.pdf' }])
    .returning();
  return [rows[0]?.id ?? '', rows[1]?.id ?? ''];
}

const [docId, neighbour] = await addFiles();
const repository = createVectorRepository(db, { ledger: colqwen });
await repository.upsertPage({ docId: neighbour, page: 1, vectorIds: ['n', 'o'] });

await liveThrough(db, [docId, neighbour], colpali);
// The other ledger of the same files has its own pages.
assert.deepEqual((await repository.findByPage(neighbour, 1))?.vectorIds, ['n', 'o']);
await repository.deleteByPage(neighbour, 1);
await db.delete(colqwen.vectorOrphans);
await liveThrough(db, await addFiles(), colqwen);

// @ts-expect-error the ids of files are strings
await assert.rejects(repository.countPages(7), { name: 'InvalidInputError' });
await pool.end();
console.log('lived');
