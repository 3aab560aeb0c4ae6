import { ours } from '../contenders/ours.ts';
import type { CaseMedians, GrowthResult, RunResult } from '../result.ts';
import { describe } from './describe.ts';
import { byReason } from './left-out.ts';
import { formatConnections, formatNumber, shortNumber } from './numbers.ts';
import { pageCounts } from './page-counts.ts';
import { table } from './table.ts';

/** The tables of docs/benchmarks.md, in Markdown. */
export function allFigures(
  runs: readonly RunResult[],
  growth: GrowthResult,
  mixture: GrowthResult,
): string {
  return [
    ...runs.flatMap(runFigures),
    '## Empty cells',
    reasons(runs),
    '## Growth',
    `p50 / p99 in milliseconds per call. \`locate\` gets ${growth.sizes['locateIds']} ids per call.`,
    `Ledgers with pages of ${growth.sizes['idsPerPage']} patch ids, measured on ${describe(growth.environment)}:`,
    growthTable(growth),
    '![Milliseconds per call by number of pages in the ledger](growth.svg)',
    `Mixed ledgers, with ${mixture.sizes['idsPerPage']} random ids on one page in a hundred and patch ids or one ` +
      `random id on the others, measured on ${describe(mixture.environment)}:`,
    growthTable(mixture),
  ].join('\n\n');
}

function runFigures({ environment, cases }: RunResult): string[] {
  const isOnPGlite = cases[0]?.backend === 'pglite';
  const title = isOnPGlite
    ? 'PGlite, inside the process'
    : `PostgreSQL ${Number.parseInt(environment.postgresql, 10)}`;
  return [
    `## ${title}`,
    `Measured on ${describe(environment)}.`,
    comparedTable(cases.filter(({ id }) => !ofPackageOnly.test(id))),
    `What ${ours.name} costs in other situations; the ratio is how many times as long it takes without triggers, ` +
      'with a long queue, or without a purge:',
    ownTable(cases.filter(({ id }) => ofPackageOnly.test(id) || id === 'delete-single')),
  ];
}

/** The package and the other contenders. */
function comparedTable(cases: readonly CaseMedians[]): string {
  const all = cases.flatMap(({ results }) => results.map(({ contender }) => contender));
  const others = new Set(all.filter((name) => !name.startsWith(ours.name)));
  const rows = cases.map(({ title, unit, results }) => [
    title,
    ...[ours.name, ...others].map((name) => {
      const result = results.find(({ contender }) => contender === name);
      if (result === undefined) return '';
      const { value, ratio } = result;
      return name === ours.name || ratio === null
        ? `${formatNumber(value)} ${unit}`
        : `${formatNumber(ratio)}×`;
    }),
  ]);
  return table(['', ours.name, ...others], rows);
}

/** The cases in which the package is compared with itself, or measured alone. */
const ofPackageOnly = /^queue-|^delete-(random|patch)$|-large-/;

/** The package alone, or beside the package without triggers, with a long queue, or without a purge. */
function ownTable(cases: readonly CaseMedians[]): string {
  const rows = cases.flatMap(({ title, unit, results }) => {
    const own = results.find(({ contender }) => contender === ours.name);
    const variant = results.find(
      ({ contender }) => contender !== ours.name && contender.startsWith(ours.name),
    );
    if (own === undefined) return [];
    return [
      [
        title,
        `${formatNumber(own.value)} ${unit}`,
        variant?.contender.slice(ours.name.length).replace(/^,? /, '') ?? '',
        variant === undefined ? '' : `${formatNumber(variant.value)} ${unit}`,
        variant?.ratio == null ? '' : `${formatNumber(variant.ratio)}×`,
      ],
    ];
  });
  return table(['', ours.name, 'compared with', '', 'ratio'], rows);
}

function reasons(runs: readonly RunResult[]): string {
  const leftOut = runs.flatMap(({ missing, cases }) => [
    ...missing,
    ...cases.flatMap((result) => result.leftOut),
  ]);
  return [...byReason(leftOut)].map(([why, names]) => `- ${names.join(', ')}: ${why}.`).join('\n');
}

function growthTable(growth: GrowthResult): string {
  const rows = new Map<string, string[]>();
  for (const pages of pageCounts(growth)) {
    for (const { operation, connections, ms } of growth.points.filter((p) => p.pages === pages)) {
      const title = `${operation}, ${formatConnections(connections)}`;
      const cell = `${formatNumber(ms.median)} / ${formatNumber(ms.p99)}`;
      rows.set(title, [...(rows.get(title) ?? []), cell]);
    }
  }
  return table(
    ['', ...pageCounts(growth).map((pages) => `${shortNumber(pages)} pages`)],
    [...rows].map(([title, cells]) => [title, ...cells]),
  );
}
