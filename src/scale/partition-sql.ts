import { sql } from 'drizzle-orm';
import { type Db, rowsOf } from '../db.ts';
import { MigrationError } from '../errors.ts';

/** A partition, as far as a plan has to know it. */
export interface PartitionSql {
  /** With its schema, quoted where necessary. */
  name: string;
  /** Storage parameters, as a list. */
  options: string;
  bytes: number;
  primaryKey: string;
  /** Its indexes and foreign keys, each with its counterpart on the parent. */
  indexes: { name: string; parent: string }[];
  foreignKeys: { name: string; parent: string }[];
  /** The roles that have rights on it, and its policies. */
  grantees: string[];
  policies: string[];
  /** Its own triggers, without those that it has from its parent. */
  triggers: string[];
}

/** @param partition - Its name in `LedgerPartition`. */
export async function readPartitionSql(db: Db, partition: string): Promise<PartitionSql> {
  const [found] = rowsOf<{
    name: string;
    options: string;
    bytes: number;
    primary_key: string;
    indexes: string;
    foreign_keys: string;
    grantees: string;
    policies: string;
    triggers: string;
  }>(
    await db.execute(sql`
      select format('%I.%I', nspname, relname) as name,
        coalesce(array_to_string(reloptions, ', '), '') as options,
        pg_table_size(part.oid)::double precision as bytes,
        (select conname from pg_constraint where conrelid = part.oid and contype = 'p') as primary_key,
        (select coalesce(jsonb_agg(jsonb_build_object('name', own.relname, 'parent', parent.relname) order by parent.relname), '[]')
          from pg_index join pg_inherits on inhrelid = indexrelid
          join pg_class as own on own.oid = inhrelid join pg_class as parent on parent.oid = inhparent
          where indrelid = part.oid and not indisprimary)::text as indexes,
        (select coalesce(jsonb_agg(jsonb_build_object('name', own.conname, 'parent', parent.conname) order by parent.conname), '[]')
          from pg_constraint as own join pg_constraint as parent on parent.oid = own.conparentid
          where own.conrelid = part.oid and own.contype = 'f')::text as foreign_keys,
        (select coalesce(jsonb_agg(distinct case grantee when 0 then 'public' else grantee::regrole::text end), '[]')
          from aclexplode(relacl) where grantee <> relowner)::text as grantees,
        (select coalesce(jsonb_agg(quote_ident(polname)), '[]') from pg_policy where polrelid = part.oid)::text as policies,
        (select coalesce(jsonb_agg(tgname), '[]')
          from pg_trigger where tgrelid = part.oid and not tgisinternal and tgparentid = 0)::text as triggers
      from pg_class as part join pg_namespace on pg_namespace.oid = relnamespace
      where part.oid = ${partition}::text::regclass`),
  );
  if (found === undefined) throw new MigrationError(`There is no partition ${partition}`);
  const { primary_key, indexes, foreign_keys, grantees, policies, triggers, ...rest } = found;
  return {
    ...rest,
    primaryKey: primary_key,
    indexes: JSON.parse(indexes),
    foreignKeys: JSON.parse(foreign_keys),
    grantees: JSON.parse(grantees),
    policies: JSON.parse(policies),
    triggers: JSON.parse(triggers),
  };
}
