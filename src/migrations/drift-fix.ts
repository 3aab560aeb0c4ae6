import { getTableConfig, type PgTable } from 'drizzle-orm/pg-core';
import { defaultTables, qualifiedName, quote, type VectorTables } from '../tables.ts';
import type { LedgerObject } from './catalog.ts';
import type { SchemaDrift } from './drift.ts';

/** What to do about the objects that `installLedger` creates in a ledger of the host. */
export const installFix = 'run installLedger(db, ledger)';

/**
 * What to do about an object that is missing or changed.
 *
 * @param objects - What the database has.
 */
export function fixFor(
  { object, expected, found }: Omit<SchemaDrift, 'fix'>,
  objects: readonly LedgerObject[],
  tables: VectorTables,
): string {
  const [kind = '', name = ''] = object.split(' ');
  const isDefault = tables === defaultTables;
  const install = isDefault ? 'run installLedger(db)' : installFix;
  const table = tableOf(kind === 'column' ? name : expected, tables);
  const { name: relation } = getTableConfig(table);
  const tableName = qualifiedName(table);
  if (!objects.some(({ object }) => object.startsWith(`column ${relation}.`))) {
    const how = isDefault ? 'as drizzle/0001_jsonb_ledger.sql does' : 'with your own migration';
    return `create the table ${tableName} ${how}, then ${install}`;
  }

  switch (kind) {
    case 'column': {
      // Drizzle cannot define the storage of a column, so installing the ledger sets it.
      if (`${found} storage external` === expected) return install;
      const column = quote(name.slice(name.indexOf('.') + 1));
      return found === undefined
        ? `alter table ${tableName} add column ${column} ${expected}`
        : `make it ${expected}, with alter table ${tableName} alter column ${column}`;
    }
    case 'constraint': {
      if (name.endsWith('_vector_ids_check')) return install;
      const drop = found === undefined ? '' : `drop constraint ${name}, `;
      const definition = expected.slice(expected.indexOf(':') + 2);
      return `alter table ${tableName} ${drop}add constraint ${name} ${definition}`;
    }
    case 'index': {
      const { schema } = getTableConfig(tables.vectors);
      const drop =
        found === undefined
          ? ''
          : `drop index ${schema === undefined ? '' : `${quote(schema)}.`}${name}; `;
      if (name.endsWith('_pkey')) return `add the constraint ${name}`;
      if (name === `ix_${tables.name}_vector_ids`) return `${drop}${install}`;
      return `${drop}${expected.replace(/ ON \S+ /, ` ON ${tableName} `)}`;
    }
    case 'trigger':
      return found?.endsWith(' -- disabled')
        ? `alter table ${tableName} enable trigger ${name}`
        : install;
    default: {
      const owner = /-- owned by \S+/.exec(found ?? '');
      return owner === null ? install : `make the owner of ${tableName} the owner of ${name}`;
    }
  }
}

/** Finds the table in `vectors.page`, `vectors: CHECK ...` or `CREATE INDEX ... ON vectors`; otherwise `vectors`. */
function tableOf(text: string, { vectors, vectorOrphans }: VectorTables): PgTable {
  const [, first, on] = /^(\w+)[.:]| ON (\w+) /.exec(text) ?? [];
  return (first ?? on) === getTableConfig(vectorOrphans).name ? vectorOrphans : vectors;
}
