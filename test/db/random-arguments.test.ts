import fc from 'fast-check';
import { expect, inject, test } from 'vitest';
import {
  auditVectors,
  createVectorRepository,
  type Db,
  decodeVectorIds,
  encodeVectorIds,
  hashedPatchVectorId,
  hashedPatchVectorIds,
  migrate,
  migrationStatus,
  openDatabase,
  parsePatchVectorId,
  patchVectorId,
  patchVectorIds,
  purgeOrphans,
  rollback,
  VectorLedgerError,
} from '../../src/index.ts';
import { createDocument, select, useTestDatabase } from '../support/database.ts';
import { MemoryStore } from '../support/memory-store.ts';

const db = useTestDatabase();

// biome-ignore lint/suspicious/noExplicitAny: the arguments are wrong on purpose.
type Any = any;

/** A public function and arguments that it accepts. */
interface Call {
  name: string;
  args: unknown[];
  run: (...args: Any[]) => unknown;
}

/** Every public function. Those that take a connection string get one that nothing listens on. */
function publicCalls(db: Db, docId: number): Call[] {
  const store = new MemoryStore();
  const repository: Record<string, (...args: Any[]) => unknown> = {
    ...createVectorRepository(db),
    // Reads one page of the stream.
    streamPages: async (options) => {
      for await (const _ of createVectorRepository(db).streamPages(options)) return;
    },
  };
  const page = { docId, page: 1, vectorIds: ['a', 'b'], grid: { cols: 2, rows: 1, start: 0 } };
  const writeOptions = { pending: true, onProgress: () => {}, signal: AbortSignal.timeout(1e6) };
  const methods: Record<string, unknown[]> = {
    findByDocument: [docId],
    findByPage: [docId, 1],
    findByPageRange: [docId, 1, 2],
    findByPages: [[{ docId, page: 1 }]],
    streamPages: [{ docId, batchSize: 10, signal: writeOptions.signal }],
    countPages: [docId],
    locate: [['a', 'c']],
    resolveHits: [[{ vectorId: 'a', score: 0.5, offset: 3, queryToken: 1 }]],
    findVectorIdsInBox: [docId, 1, { x0: 0, y0: 0.5, x1: 1, y1: 1 }],
    upsertPage: [page, { pending: false }],
    upsertPages: [[page, { ...page, page: 2, namespace: 'n', pending: true }], writeOptions],
    ingest: [[page], async () => {}, { chunkPages: 2, onProgress: () => {} }],
    replaceDocument: [docId, [page], writeOptions],
    deleteByDocument: [2_000_000_000],
    deleteByPage: [2_000_000_000, 1],
    markIndexed: [[{ ...page, id: 1, revision: 1 }]],
    findPending: [{ docId, limit: 3, olderThanMs: 5 }],
  };
  expect(Object.keys(methods).sort()).toEqual(Object.keys(repository).sort());
  const url = 'postgres://127.0.0.1:1/none';
  const migrationOptions = { url, lockTimeoutMs: 100 };
  return [
    ...Object.entries(methods).map(([name, args]) => ({
      name,
      args,
      run: (...given: Any[]) => repository[name]?.(...given),
    })),
    {
      name: 'createVectorRepository',
      args: [{ prepare: false }],
      run: (options) => createVectorRepository(db, options).countPages(docId),
    },
    {
      name: 'purgeOrphans',
      args: [store.deleteVectors, { batchIds: 5, limit: 5, callTimeoutMs: 1e4, deadlineMs: 1e4 }],
      run: (...given: Any[]) => (purgeOrphans as Any)(db, ...given),
    },
    {
      name: 'auditVectors',
      args: [
        { listIds: () => store.listIds(), existing: (ids: string[]) => store.existing(ids) },
        { batchIds: 9, sampleSize: 2, maxUntrackedShare: 0.5, onProgress: () => {} },
      ],
      run: (...given: Any[]) => (auditVectors as Any)(db, ...given),
    },
    { name: 'patchVectorId', args: [{ docId, page: 1, patch: 0 }], run: patchVectorId },
    { name: 'patchVectorIds', args: [{ docId, page: 1, count: 3 }], run: patchVectorIds },
    { name: 'parsePatchVectorId', args: ['x'], run: parsePatchVectorId },
    {
      name: 'hashedPatchVectorId',
      args: [{ key: 'k', page: 1, patch: 0 }],
      run: hashedPatchVectorId,
    },
    {
      name: 'hashedPatchVectorIds',
      args: [{ key: 'k', page: 1, count: 3 }],
      run: hashedPatchVectorIds,
    },
    { name: 'encodeVectorIds', args: [['a', 'b']], run: encodeVectorIds },
    {
      name: 'decodeVectorIds',
      args: [['a', { prefix: 'p', from: '1', count: 3 }]],
      run: decodeVectorIds,
    },
    { name: 'openDatabase', args: [url], run: openDatabase },
    { name: 'migrate', args: [migrationOptions], run: migrate },
    { name: 'rollback', args: [{ ...migrationOptions, to: '0' }], run: rollback },
    { name: 'migrationStatus', args: [migrationOptions], run: migrationStatus },
  ];
}

/** A value of each JavaScript type, valid or not. No text that could be the name of a directory. */
const anyValue: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    undefined,
    null,
    true,
    false,
    Number.NaN,
    -0,
    Number.POSITIVE_INFINITY,
    2 ** 31,
    2 ** 53,
    '',
    '\0',
    '\ud800',
    'Host=db;Password=secret',
    'a\u0000b',
    Symbol('s'),
    [],
    {},
    Object.create(null),
    new Array(3),
    [[]],
    [null],
    [undefined, 'a'],
    /x/,
    new Date(Number.NaN),
    new Map([['docId', 1]]),
    new Set([1]),
    new Uint8Array(4),
    new ArrayBuffer(4),
    new Error('x'),
    new Proxy({}, {}),
    Object('boxed'),
    Object(1),
    () => {},
    () => null,
    async () => [1, {}, null],
    () => Promise.resolve('x'),
    function* () {
      yield 1;
    },
    async function* () {
      yield [Symbol('id')];
    },
    Promise.resolve(),
    { signal: 1 },
    { [Symbol.iterator]: 1 },
    { length: 1, 0: 'a' },
    { docId: 1n, page: 1, vectorIds: ['a'] },
    new AbortController(),
  ),
  fc.integer(),
  fc.double(),
  fc.bigInt(),
  fc.array(fc.constantFrom<unknown>('a', 1, null, {}, [], 1n, Number.NaN), { maxLength: 4 }),
);

/** The paths of all values inside the arguments: `[0]`, `[0, 'docId']` and so on. */
function pathsOf(value: unknown, path: (string | number)[] = []): (string | number)[][] {
  const isContainer =
    Array.isArray(value) || (typeof value === 'object' && value?.constructor === Object);
  const inner = isContainer
    ? Object.entries(value as object).flatMap(([key, item]) => pathsOf(item, [...path, key]))
    : [];
  return path.length === 0 ? inner : [path, ...inner];
}

/** A copy of `value` with another value at `path`. */
function replaceAt(value: Any, [key, ...rest]: (string | number)[], replacement: unknown): Any {
  if (key === undefined) return replacement;
  const copy = Array.isArray(value) ? [...value] : { ...value };
  copy[key] = replaceAt(copy[key], rest, replacement);
  return copy;
}

async function stateOf(db: Db): Promise<unknown> {
  return select(
    db,
    `select (select jsonb_agg(to_jsonb(v) order by id) from vectors v)::text as pages,
      (select jsonb_agg(to_jsonb(o) order by id) from vector_orphans o)::text as orphans`,
  );
}

test('a wrong argument throws a typed error and writes nothing', { timeout: 120_000 }, async () => {
  const docId = await createDocument(db());
  await createVectorRepository(db()).upsertPage({ docId, page: 9, vectorIds: ['kept'] });
  const calls = publicCalls(db(), docId);
  const rejected = new Set<string>();
  let state = await stateOf(db());
  const oneCall = fc
    .constantFrom(...calls)
    .chain((call) => fc.tuple(fc.constant(call), fc.constantFrom(...pathsOf(call.args)), anyValue));
  await fc.assert(
    fc.asyncProperty(oneCall, async ([call, path, value]) => {
      try {
        await call.run(...replaceAt(call.args, path, value));
        state = await stateOf(db());
      } catch (error) {
        if (!(error instanceof VectorLedgerError)) {
          throw new Error(`${call.name} ${path.join('.')} threw no typed error`, { cause: error });
        }
        expect(await stateOf(db())).toEqual(state);
        rejected.add(call.name);
      }
    }),
    { numRuns: inject('driver') === 'pglite' ? 5_000 : 500 },
  );
  expect([...rejected].sort()).toEqual(calls.map(({ name }) => name).sort());
});
