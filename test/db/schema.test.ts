import { sql } from 'drizzle-orm';
import { expect, test } from 'vitest';
import { rowsOf } from '../../src/db.ts';
import { useTestDatabase } from '../support/database.ts';
import { dumpSchema, schemaFile } from '../support/schema-dump.ts';

const db = useTestDatabase();

test('the migrated schema equals drizzle/schema.sql', async () => {
  // To update the file: npx vitest run --project postgres.js test/db/schema.test.ts -u
  await expect(await dumpSchema(db())).toMatchFileSnapshot(schemaFile);
});

test('documents has only the column id', async () => {
  const columns = await db().execute(sql`
    select attname::text as name, format_type(atttypid, atttypmod) as type
    from pg_attribute
    where attrelid = 'documents'::regclass and attnum > 0`);
  expect(rowsOf(columns)).toEqual([{ name: 'id', type: 'integer' }]);
});

test('the migrations leave no helper functions behind', async () => {
  const functions = await db().execute(sql`
    select proname::text as name from pg_proc
    where pronamespace = current_schema::regnamespace order by proname`);
  expect(rowsOf(functions)).toEqual([
    { name: 'vectors_count_ids' },
    { name: 'vectors_expand_ids' },
    { name: 'vectors_has_own_ids' },
    { name: 'vectors_holding' },
    { name: 'vectors_ids_are_valid' },
    { name: 'vectors_index_key' },
    { name: 'vectors_index_keys' },
    { name: 'vectors_index_keys_of_many' },
    { name: 'vectors_new_revision' },
    { name: 'vectors_patch_id_head' },
    { name: 'vectors_purge_lock_key' },
    { name: 'vectors_queue_deleted' },
    { name: 'vectors_queue_replaced' },
    { name: 'vectors_queue_truncated' },
    { name: 'vectors_wait_for_purge' },
  ]);
});
