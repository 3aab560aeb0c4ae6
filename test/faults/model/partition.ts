import { type SQL, sql } from 'drizzle-orm';
import { rowsOf } from '../../../src/db.ts';
import type { Db } from '../../../src/index.ts';
import { docIds } from './operations.ts';

/** Replaces the empty table `vectors` by one that is partitioned by document, with a partition per document. */
export async function partitionVectors(db: Db): Promise<void> {
  const texts = async (query: SQL) =>
    rowsOf<{ text: string }>(await db.execute(query)).map(({ text }) => text);
  const columns = await texts(sql`
    select format('%I %s%s%s', attname, format_type(atttypid, atttypmod),
      case when attnotnull then ' not null' else '' end,
      coalesce(' default ' || pg_get_expr(adbin, adrelid), '')) as text
    from pg_attribute left join pg_attrdef on adrelid = attrelid and adnum = attnum
    where attrelid = 'vectors'::regclass and attnum > 0 and not attisdropped order by attnum`);
  const constraints = await texts(sql`
    select format('constraint %I %s', conname, pg_get_constraintdef(oid)) as text
    from pg_constraint where conrelid = 'vectors'::regclass and contype in ('c', 'f')`);
  const indexes = await texts(sql`
    select pg_get_indexdef(indexrelid) as text from pg_index
    where indrelid = 'vectors'::regclass and not indisprimary`);
  const triggers = await texts(sql`
    select pg_get_triggerdef(oid) as text from pg_trigger
    where tgrelid = 'vectors'::regclass and not tgisinternal`);
  const [view] = await texts(sql`select pg_get_viewdef('vector_patches'::regclass) as text`);
  const partitions = docIds.map((docId) => `vectors_${docId}`);

  const statements = [
    // The sequence belongs to the column and would be dropped with it.
    'alter sequence vectors_id_seq owned by none',
    'drop view vector_patches',
    'drop table vectors',
    `create table vectors (${[...columns, ...constraints, 'primary key (id, doc_id)'].join(', ')})
     partition by range (doc_id)`,
    'alter sequence vectors_id_seq owned by vectors.id',
    ...indexes,
    ...docIds.map(
      (docId, index) =>
        `create table ${partitions[index]} partition of vectors for values from (${docId}) to (${docId + 1})`,
    ),
    ...triggers,
    // PostgreSQL copies row triggers to the partitions, but not statement triggers.
    ...triggers
      .filter((trigger) => trigger.includes('FOR EACH STATEMENT'))
      .flatMap((trigger) =>
        partitions.map((name) => trigger.replace(/ ON (\w+\.)?vectors /, ` ON ${name} `)),
      ),
    `create view vector_patches as ${view}`,
  ];
  for (const statement of statements) await db.execute(sql.raw(statement));
}
