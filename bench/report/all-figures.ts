import { ours } from '../contenders/ours.ts';
import type { CaseResult, Environment, GrowthResult, RunResult } from '../result.ts';
import { byReason } from './left-out.ts';
import { formatConnections, formatNumber, shortNumber } from './numbers.ts';
import { pageCounts } from './page-counts.ts';
import { table } from './table.ts';

/** The tables of docs/benchmarks.md, in Markdown. */
export function allFigures(run: RunResult, growth: GrowthResult): string {
  const isDelete = ({ id }: CaseResult) => id.startsWith('delete-');
  const compared = run.cases.filter((result) => !isDelete(result));
  const onServer = compared.filter(({ backend }) => backend === 'server');
  const onPGlite = compared.filter(({ backend }) => backend === 'pglite');
  const deletes = run.cases.filter((result) => isDelete(result) && result.backend === 'server');
  return [
    '## PostgreSQL server',
    `Measured on ${describe(run.environment)}.`,
    caseTable(onServer),
    'The cost of the triggers that queue orphaned ids:',
    caseTable(deletes),
    '## PGlite, inside the process',
    caseTable(onPGlite),
    '## Empty cells',
    reasons(run),
    '## Growth',
    `Ledgers with pages of ${growth.sizes['idsPerPage']} patch ids; p50 / p99 in milliseconds per ` +
      `call. \`locate\` gets ${growth.sizes['locateIds']} ids per call. Measured on ` +
      `${describe(growth.environment)}.`,
    growthTable(growth),
    '![Milliseconds per call by number of pages in the ledger](growth.svg)',
  ].join('\n\n');
}

function describe({
  cpu,
  cores,
  memoryGiB,
  node,
  postgresql,
  settings,
  date,
}: Environment): string {
  return (
    `${cpu}, ${cores} cores, ${memoryGiB} GiB, Node ${node}, PostgreSQL ${postgresql}, ` +
    `shared_buffers ${settings['shared_buffers']}, fsync ${settings['fsync']} (${date})`
  );
}

function caseTable(cases: readonly CaseResult[]): string {
  const all = cases.flatMap(({ results }) => results.map(({ contender }) => contender));
  const names = [...new Set([ours.name, ...all])];
  const rows = cases.map(({ title, unit, results }) => [
    title,
    ...names.map((name) => {
      const result = results.find(({ contender }) => contender === name);
      if (result === undefined) return '';
      const { value, ratio } = result;
      return name === ours.name || ratio === null
        ? `${formatNumber(value.median)} ${unit}`
        : `${formatNumber(ratio.median)}×`;
    }),
  ]);
  return table(['', ...names], rows);
}

function reasons({ cases, missing }: RunResult): string {
  const leftOut = [...missing, ...cases.flatMap((result) => result.leftOut)];
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
