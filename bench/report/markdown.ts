import { ours } from '../contenders/ours.ts';
import type { Environment } from '../harness/environment.ts';
import type { CaseResult, GrowthResult, RunResult } from '../result.ts';
import { format } from './console.ts';
import { shortNumber } from './plot.ts';

/** The README's section on speed and size, from the results alone. */
export function toMarkdown(run: RunResult, growth: GrowthResult): string {
  const { environment, cases } = run;
  const deletes = cases.filter(({ id, place }) => id.startsWith('delete-') && place === 'server');
  const others = cases.filter(({ id }) => !id.startsWith('delete-'));
  const pageCounts = growth.points.map(({ pages }) => pages);
  const smallest = shortNumber(Math.min(...pageCounts));
  const largest = shortNumber(Math.max(...pageCounts));
  return [
    `Measured on ${describe(environment)}. The first column is the median; the others say how many ` +
      'times as much time or space that takes: above 1 the package is ahead. Where it says nothing the ' +
      'contender cannot do it; [run.json](bench/results/run.json) says why, and in `sizes` how much was ' +
      'written, read and searched.',
    caseTable(others.filter(({ place }) => place === 'server')),
    caseTable(deletes),
    'On PGlite, inside the process:',
    caseTable(others.filter(({ place }) => place === 'pglite')),
    `Ledgers of ${smallest} to ${largest} pages of ${growth.sizes['idsPerPage']} computed ids, ` +
      `p50 / p99 in milliseconds a call, \`locate\` of ${growth.sizes['locateIds']} ids, on ` +
      `${describe(growth.environment)}:`,
    growthTable(growth),
    '![Milliseconds a call by pages in the ledger](bench/results/growth.svg)',
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
  const rows = cases.map(({ title, unit, results, leftOut }) => [
    title,
    ...names.map((name) => {
      const result = results.find(({ contender }) => contender === name);
      if (result === undefined) {
        return name === ours.name
          ? (leftOut.find((left) => left.contender === name)?.why ?? '')
          : '';
      }
      const { value, timesOurs } = result;
      return name === ours.name || timesOurs === null
        ? `${format(value.median)} ${unit}`
        : `${format(timesOurs.median)}×`;
    }),
  ]);
  return table(['', ...names], rows);
}

function growthTable({ points }: GrowthResult): string {
  const pageCounts = [...new Set(points.map(({ pages }) => pages))].sort((a, b) => a - b);
  const rows = new Map<string, string[]>();
  for (const pages of pageCounts) {
    for (const { operation, connections, ms } of points.filter((p) => p.pages === pages)) {
      const title = `${operation}, ${connections} connection${connections === 1 ? '' : 's'}`;
      const cell = `${format(ms.median)} / ${format(ms.p99)}`;
      rows.set(title, [...(rows.get(title) ?? []), cell]);
    }
  }
  return table(
    ['', ...pageCounts.map((pages) => `${shortNumber(pages)} pages`)],
    [...rows].map(([title, cells]) => [title, ...cells]),
  );
}

function table(heads: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const rule = heads.map((_, column) => (column === 0 ? '---' : '---:'));
  return [line(heads), line(rule), ...rows.map(line)].join('\n');
}
