import { expect, inject, test } from 'vitest';
import { defaultGrowthSizes, type LedgerKind, measureGrowth } from '../../bench/cases/growing.ts';
import { runCases } from '../../bench/cases/run-cases.ts';
import { measureShapes, shapesSizes } from '../../bench/cases/shapes.ts';
import type { Contender } from '../../bench/contender.ts';
import { builtInContenders } from '../../bench/contenders/built-in.ts';
import { ours } from '../../bench/contenders/ours.ts';
import { type Backend, onServer } from '../../bench/harness/backends.ts';
import { describeEnvironment } from '../../bench/harness/environment.ts';
import { defaultSizes, flagOf, parseSizes } from '../../bench/harness/sizes.ts';
import { shapeFigures } from '../../bench/report/shape-figures.ts';
import {
  growthResultSchema,
  mediansOf,
  runResultSchema,
  type ShapesResult,
  shapesResultSchema,
} from '../../bench/result.ts';
import { copyPGlite } from '../support/database.ts';

/** The smallest sizes with which every case still runs. */
const flags = Object.keys(defaultSizes).flatMap((name) => [
  `--${flagOf(name)}`,
  {
    idsPerPage: '20',
    locatePatchPages: '150',
    locateSinglePages: '120',
    locateRandomPages: '3',
    statementSeconds: '20',
    queueRows: '150',
    purgeRows: '120',
    auditPages: '110',
  }[name] ?? '2',
]);

const casesOnAnyBackend = [
  'write-single',
  'write-random',
  'write-patch',
  'write-parsed',
  'write-designed',
  'read-page-single',
  'read-document-single',
  'read-scattered-single',
  'read-page-random',
  'read-document-random',
  'read-scattered-random',
  'read-page-patch',
  'read-document-patch',
  'read-scattered-patch',
  'locate-1-patch',
  'locate-100-patch',
  'locate-1000-patch',
  'locate-1-single',
  'locate-100-single',
  'locate-1000-single',
  'locate-1-random',
  'locate-100-random',
  'locate-1000-random',
  'delete-single',
  'delete-random',
  'delete-patch',
  'write-large-8580',
  'locate-large-8580',
  'write-large-16384',
  'locate-large-16384',
  'queue-purge',
  'queue-audit',
];

const casesOnServers = [
  'queue-write',
  ...['large-8580', 'large-16384', 'single', 'random', 'patch', 'consecutive'].flatMap((pages) => [
    `bytes-table-${pages}`,
    `bytes-indexes-${pages}`,
    `bytes-wal-${pages}`,
  ]),
];

async function runSmall(backend: Backend, contenders: readonly Contender[]) {
  const sizes = parseSizes(flags, defaultSizes);
  const cases = await runCases({ backend, sizes, contenders });
  const environment = await describeEnvironment(inject('serverUrl'), ['drizzle-orm', 'postgres']);
  return runResultSchema.parse(
    JSON.parse(JSON.stringify({ environment, sizes, missing: [], cases: cases.map(mediansOf) })),
  );
}

test('every case runs on a server, and its result matches the schema', async () => {
  const { cases } = await runSmall(onServer(inject('serverUrl')), builtInContenders);
  expect(cases.map(({ id }) => id).sort()).toEqual(
    [...casesOnAnyBackend, ...casesOnServers].sort(),
  );
  const largePages = cases.filter(({ id }) => /^bytes-(table|indexes)-large/.test(id));
  expect(largePages).toHaveLength(4);
  const compared = cases.filter(({ id }) => /^(write|read)-(?!large)/.test(id));
  expect(compared).toHaveLength(14);
  for (const { results, leftOut } of compared) {
    const names = [...results, ...leftOut].map(({ contender }) => contender);
    expect(names.sort()).toEqual(builtInContenders.map(({ name }) => name).sort());
  }
});

test('every case except the sizes in bytes runs on PGlite', async () => {
  // Only one contender, and migrated databases, because opening and migrating PGlite takes seconds.
  const create = async () => copyPGlite('migratedPGlite');
  const { cases } = await runSmall({ kind: 'pglite', create }, [ours]);
  expect(cases.map(({ id }) => id)).toEqual(casesOnAnyBackend);
});

test.each<LedgerKind>(['patch', 'mixture'])(
  'growth of a %s ledger is measured for each size, with one connection and with several',
  async (kind) => {
    const sizes = parseSizes(
      ['--first-pages=20', '--last-pages=200', '--rounds=1', '--calls=4', '--connections=2'],
      defaultGrowthSizes,
    );
    const growth = await measureGrowth(onServer(inject('serverUrl')), sizes, kind);
    const environment = await describeEnvironment(inject('serverUrl'), ['drizzle-orm', 'postgres']);
    const { points } = growthResultSchema.parse({ environment, sizes, ...growth });
    expect(points.map((point) => `${point.pages} ${point.operation} ${point.connections}`)).toEqual(
      [
        ...['20 findByPage 1', '20 locate 1', '20 upsertPage 1'],
        ...['200 findByPage 1', '200 locate 1', '200 upsertPage 1'],
        ...['20 findByPage 2', '20 locate 2', '20 upsertPage 2'],
        ...['200 findByPage 2', '200 locate 2', '200 upsertPage 2'],
      ],
    );
  },
);

test('every operation is measured on one table and on partitions', async () => {
  const sizes = parseSizes(
    [
      ...['--first-pages=200', '--last-pages=200', '--partitions=2', '--ids-per-page=20'],
      ...['--rounds=1', '--calls=1', '--large-calls=1'],
    ],
    shapesSizes,
  );
  const environment = await describeEnvironment(inject('serverUrl'), ['drizzle-orm', 'postgres']);
  let result = { environment, sizes, points: [], bytes: [] } as ShapesResult;
  await measureShapes(inject('serverUrl'), false, sizes, (measured) => {
    result = shapesResultSchema.parse({ ...result, ...measured });
  });
  const figures = shapeFigures(result);
  expect(result.points).toHaveLength(20);
  expect(result.bytes).toHaveLength(2);
  expect(figures).toContain('| 200 pages, one table | 200 pages, partitions |');
  expect(figures).toMatch(/^\| locate 10 random ids \| [\d.]+ \| [\d.]+ \|$/m);
});

test('unknown flags and values that are not positive integers throw', () => {
  expect(parseSizes(['--read-rounds', '7'], defaultSizes)).toMatchObject({ readRounds: 7 });
  expect(() => parseSizes(['--read-round', '7'], defaultSizes)).toThrow(TypeError);
  expect(() => parseSizes(['--read-rounds', '0'], defaultSizes)).toThrow(TypeError);
});
