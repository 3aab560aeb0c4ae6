import { expect, inject, test } from 'vitest';
import { runCases } from '../../bench/benchmark.ts';
import { defaultGrowthSizes, measureGrowth } from '../../bench/cases/growing.ts';
import type { Contender } from '../../bench/contender.ts';
import { builtInContenders } from '../../bench/contenders/built-in.ts';
import { originalDrizzle } from '../../bench/contenders/original-drizzle.ts';
import { ours } from '../../bench/contenders/ours.ts';
import { describeEnvironment } from '../../bench/harness/environment.ts';
import { onServer, type Place, withPGlite } from '../../bench/harness/places.ts';
import { defaultSizes, parseSizes } from '../../bench/harness/sizes.ts';
import { growthResultSchema, runResultSchema } from '../../bench/result.ts';

/** As small as it gets. */
const flags = Object.keys(defaultSizes).flatMap((name) => [
  `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
  {
    idsPerPage: '20',
    locatePagesComputed: '150',
    locatePagesSingle: '120',
    locatePagesRandom: '3',
    statementSeconds: '20',
  }[name] ?? '2',
]);

const casesAnywhere = [
  'write-random',
  'write-computed',
  'write-parsed',
  'write-designed',
  'read-page-random',
  'read-document-random',
  'read-scattered-random',
  'read-page-computed',
  'read-document-computed',
  'read-scattered-computed',
  'locate-1-computed',
  'locate-100-computed',
  'locate-1000-computed',
  'locate-1-single',
  'locate-100-single',
  'locate-1000-single',
  'locate-1-random',
  'locate-100-random',
  'locate-1000-random',
  'delete-random',
  'delete-computed',
];

const casesOfServers = ['random', 'computed', 'consecutive'].flatMap((kind) => [
  `bytes-table-${kind}`,
  `bytes-indexes-${kind}`,
  `bytes-wal-${kind}`,
]);

async function runSmall(place: Place, contenders: readonly Contender[]) {
  const sizes = parseSizes(flags, defaultSizes);
  const cases = await runCases({ place, sizes, contenders });
  const environment = await describeEnvironment(inject('serverUrl'), ['drizzle-orm', 'postgres']);
  return runResultSchema.parse(
    JSON.parse(JSON.stringify({ environment, sizes, missing: [], cases })),
  );
}

test('every case runs on a server, with equal ids from all, and gives what its schema says', async () => {
  const { cases } = await runSmall(onServer(inject('serverUrl')), builtInContenders);
  expect(cases.map(({ id }) => id)).toEqual([...casesAnywhere, ...casesOfServers]);
  for (const { results, leftOut } of cases.slice(0, 10)) {
    const names = [...results, ...leftOut].map(({ contender }) => contender);
    expect(names.sort()).toEqual(builtInContenders.map(({ name }) => name).sort());
  }
});

test('every case but the bytes runs on PGlite', async () => {
  const { cases } = await withPGlite((place) =>
    // Two of them: each opens databases, which takes a second or more.
    runSmall(place, [ours, originalDrizzle]),
  );
  expect(cases.map(({ id }) => id)).toEqual(casesAnywhere);
});

test('the growth is measured on ledgers of several sizes, with one connection and with more', async () => {
  const sizes = parseSizes(
    ['--first-pages=20', '--last-pages=200', '--rounds=1', '--calls=4', '--connections=2'],
    defaultGrowthSizes,
  );
  const growth = await measureGrowth(onServer(inject('serverUrl')), sizes);
  const environment = await describeEnvironment(inject('serverUrl'), ['drizzle-orm', 'postgres']);
  const { points } = growthResultSchema.parse({ environment, sizes, ...growth });
  expect(points.map((point) => `${point.pages} ${point.operation} ${point.connections}`)).toEqual([
    ...['20 findByPage 1', '20 locate 1', '20 upsertPage 1'],
    ...['200 findByPage 1', '200 locate 1', '200 upsertPage 1'],
    ...['20 findByPage 2', '20 locate 2', '20 upsertPage 2'],
    ...['200 findByPage 2', '200 locate 2', '200 upsertPage 2'],
  ]);
});

test('a flag that is none, or no positive integer, is refused', () => {
  expect(parseSizes(['--read-rounds', '7'], defaultSizes)).toMatchObject({ readRounds: 7 });
  expect(() => parseSizes(['--read-round', '7'], defaultSizes)).toThrow(TypeError);
  expect(() => parseSizes(['--read-rounds', '0'], defaultSizes)).toThrow(TypeError);
});
