import { getTableColumns, getViewName } from 'drizzle-orm';
import {
  bigint,
  bigserial,
  getTableConfig,
  getViewConfig,
  integer,
  type PgColumn,
  type PgTable,
  pgSchema,
  pgTable,
  smallint,
  text,
  timestamp,
  uuid,
  varchar,
} from 'drizzle-orm/pg-core';
import { describe, expect, test } from 'vitest';
import {
  createVectorRepository,
  type Db,
  defineLedger,
  documents,
  InvalidInputError,
  ledgerSql,
  vectorOrphans,
  vectorPatches,
  vectors,
} from '../../src/index.ts';
import { listMigrations, statementsOf } from '../../src/migrations/files.ts';
import { expectedObjects } from '../../src/migrations/schema-file.ts';
import type { VectorTables } from '../../src/tables.ts';

const host = pgTable('host', {
  small: smallint(),
  integer: integer(),
  bigNumber: bigint({ mode: 'number' }),
  bigInt: bigint({ mode: 'bigint' }),
  serial: bigserial({ mode: 'number' }),
  uuid: uuid(),
  text: text(),
  varchar: varchar({ length: 20 }),
  time: timestamp(),
});

/** Everything that drizzle-kit reads from a table. */
function describeTable(table: PgTable): unknown {
  const { name, schema, indexes, checks, foreignKeys } = getTableConfig(table);
  const columns = Object.entries(getTableColumns(table)).map(([key, column]) => ({
    key,
    name: column.name,
    type: column.getSQLType(),
    notNull: column.notNull,
    primary: column.primary,
    hasDefault: column.hasDefault,
    default: JSON.stringify(column.default),
  }));
  return {
    name,
    schema,
    columns,
    indexes: indexes.map(({ config: { where, columns, table: _, ...config } }) => ({
      ...config,
      columns: columns.map((column) => (column as PgColumn).name),
      where: textOf(where),
    })),
    checks: checks.map(({ name, value }) => ({ name, value: textOf(value) })),
    foreignKeys: foreignKeys.map((key) => ({
      name: key.getName(),
      onDelete: key.onDelete,
      onUpdate: key.onUpdate,
      columns: key.reference().columns.map(({ name }) => name),
      foreignColumns: key.reference().foreignColumns.map((column) => column === documents.id),
    })),
  };
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (key, part) => (key === 'table' ? undefined : part));
}

test('without a name, a ledger of documents.id is the package’s own', () => {
  const ledger = defineLedger({ documents: documents.id });
  expect(describeTable(ledger.vectors)).toEqual(describeTable(vectors));
  expect(describeTable(ledger.vectorOrphans)).toEqual(describeTable(vectorOrphans));
  expect(getViewName(ledger.vectorPatches)).toBe(getViewName(vectorPatches));
  const columnsOf = (view: typeof vectorPatches | typeof ledger.vectorPatches) =>
    Object.values(getViewConfig(view).selectedFields).map((column) => [
      (column as PgColumn).name,
      (column as PgColumn).getSQLType(),
    ]);
  expect(columnsOf(ledger.vectorPatches)).toEqual(columnsOf(vectorPatches));
});

test('all names of a ledger begin with its name', () => {
  const ledger = defineLedger({
    documents: host.uuid,
    name: 'pages_colqwen',
    schema: pgSchema('app'),
  });
  const names = (table: PgTable) => {
    const { schema, name, indexes, checks, foreignKeys } = getTableConfig(table);
    const parts = [
      ...indexes.map(({ config }) => config.name),
      ...checks.map((check) => check.name),
      ...foreignKeys.map((key) => key.getName()),
    ];
    return [schema, name, ...parts];
  };
  expect(names(ledger.vectors)).toEqual([
    'app',
    'pages_colqwen',
    'ix_pages_colqwen_doc_id',
    'ix_pages_colqwen_doc_page',
    'ix_pages_colqwen_pending',
    'pages_colqwen_page_check',
    'pages_colqwen_grid_check',
    'pages_colqwen_doc_id_fkey',
  ]);
  expect(names(ledger.vectorOrphans)).toEqual([
    'app',
    'pages_colqwen_orphans',
    'ix_pages_colqwen_orphans_doc_page',
    'ix_pages_colqwen_orphans_due',
  ]);
  expect(getViewConfig(ledger.vectorPatches)).toMatchObject({
    schema: 'app',
    name: 'pages_colqwen_patches',
  });
});

test.each([
  ['small', 'integer'],
  ['integer', 'integer'],
  ['bigNumber', 'bigint'],
  ['bigInt', 'bigint'],
  ['serial', 'bigint'],
  ['uuid', 'uuid'],
  ['text', 'text'],
  ['varchar', 'text'],
] as const)('a column %s makes a ledger whose doc_id is %s', (column, type) => {
  const ledger = defineLedger({ documents: host[column] });
  expect(ledger.keyType).toBe(type);
  expect(ledger.vectors.docId.getSQLType()).toBe(type);
  expect(ledger.vectorOrphans.docId.notNull).toBe(false);
});

test.each([
  [{ documents: host.time }, ['options', 'documents']],
  [{ documents: host }, ['options', 'documents']],
  [{}, ['options', 'documents']],
  [{ documents: host.uuid, name: '' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'Pages' }, ['options', 'name']],
  [{ documents: host.uuid, name: '1st' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'a"; drop table x' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'p'.repeat(39) }, ['options', 'name']],
  // These would have the name of the documents, or of a part of another ledger.
  [{ documents: host.uuid, name: 'host' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'vector' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'vector_orphans' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'pages_orphans' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'pages_patches' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'pages_pkey' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'pages_id_seq' }, ['options', 'name']],
  [{ documents: host.uuid, name: 'ix_pages_due' }, ['options', 'name']],
  [null, ['options']],
])('rejects %o', (options, path) => {
  const define = () => defineLedger(options as never);
  expect(define).toThrow(InvalidInputError);
  expect(define).toThrow(expect.objectContaining({ path }));
});

test('a repository rejects a ledger that defineLedger did not return', () => {
  const create = (ledger: unknown) => () =>
    createVectorRepository({} as Db, { ledger: ledger as never });
  expect(create({ vectors })).toThrow(InvalidInputError);
  expect(create(vectors)).toThrow(InvalidInputError);
});

test('ledgers with allowed names share no table, view, index, sequence or function', () => {
  const parts = [
    '',
    'orphans',
    'patches',
    'index',
    'index_keys',
    'queue',
    'doc',
    'id',
    'vector',
    'ids',
  ];
  const ofPages = parts.map((part) => (part === '' ? 'pages' : `pages_${part}`));
  const names = [...ofPages, ...parts, 'vectors', 'vectors_orphans', 'vectors_vectors'];
  const allowed = names.flatMap((name) => {
    try {
      return defineLedger({ documents: host.integer, name });
    } catch {
      return [];
    }
  });
  expect(allowed.length).toBeGreaterThan(15);
  const objects = allowed.flatMap((ledger) => {
    const found = expectedObjects(ledger as unknown as VectorTables, { kind: 'plain' });
    const sequences = found.flatMap(
      ({ definition }) => /nextval\('(\w+)'/.exec(definition)?.[1] ?? [],
    );
    const named = found.map(({ object }) => object.split(' '));
    return [
      ...[ledger.vectors, ledger.vectorOrphans].map((table) => getTableConfig(table).name),
      ...sequences,
      ...named.flatMap(([kind, name]) => (kind === 'index' || kind === 'view' ? name : [])),
      ...named.flatMap(([kind, name]) => (kind === 'function' ? `${name}()` : [])),
    ];
  });
  expect(objects.length).toBe(28 * allowed.length);
  expect(new Set(objects).size).toBe(objects.length);
});

describe('the SQL of a ledger', () => {
  const byName = (name: string, documents: PgColumn = host.integer) =>
    ledgerSql(defineLedger({ documents, name })).slice(1).join('\n');

  test('is what the migrations contain, for the default ledger', () => {
    const inMigrations = listMigrations().flatMap(({ up }) => statementsOf(up));
    const parts = ledgerSql(defineLedger({ documents: documents.id })).slice(1);
    expect(parts.length).toBeGreaterThan(15);
    for (const part of parts) {
      expect(inMigrations.filter((statement) => statement.includes(part))).toHaveLength(1);
    }
  });

  test('contains every trigger, function, view and custom index of the migrations', () => {
    const inMigrations = listMigrations()
      .map(({ up }) => up)
      .join('\n');
    const created = inMigrations.matchAll(
      /create (?:or replace )?(?:function|trigger|view|index if not exists) (\S+)/g,
    );
    const sql = byName('vectors');
    for (const [statement, name] of created) {
      if (!name?.startsWith('vectors_legacy_ids')) expect(sql).toContain(statement);
    }
  });

  test.each(['vectors_b', 'old_vectors', 'vector_orphans_x', 'select'])(
    'has the names of the ledger %s, which may contain those of the default',
    (name) => {
      const back = byName(name)
        .replaceAll(`"${name}"`, 'vectors')
        .replaceAll(new RegExp(`\\b(ix_)?${name}_(?=[a-z])`, 'g'), '$1vectors_')
        .replaceAll(/\bvectors_(?=orphans|patches)/g, 'vector_');
      expect(back).toBe(byName('vectors'));
    },
  );

  test.each([
    ['uuid', host.uuid],
    ['bigint', host.bigInt],
    ['text', host.text],
  ] as const)('has no patch ids if keys are %s', (type, column) => {
    const sql = byName('pages', column);
    expect(sql).not.toContain('doc_id integer');
    expect(sql).not.toContain('patch_id_head');
    expect(sql).not.toContain('where not');
    expect(sql.match(new RegExp(`doc_id ${type}`, 'g'))).toHaveLength(3);
    expect(sql).toContain('(hashtext(doc_id::text) & 63)');
  });
});
