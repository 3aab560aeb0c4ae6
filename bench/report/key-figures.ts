import { ours } from '../contenders/ours.ts';
import { sqlJsonbList } from '../contenders/sql-jsonb-list.ts';
import type { CaseMedians, GrowthOperation, GrowthResult, RunResult } from '../result.ts';
import { formatNumber, shortNumber } from './numbers.ts';
import { pageCounts } from './page-counts.ts';
import { table } from './table.ts';

/** The kinds of pages that each line of the README has figures for. */
const kinds = ['patch', 'single', 'random'] as const;

/** A figure of the package, and how many times as much the simplest table needs. */
interface Figure {
  own: string;
  ratio: number;
}

/** The README's table: six lines, compared with the simplest table that does the job. */
export function keyFigures(run: RunResult, growth: GrowthResult): string {
  const { cpu, cores, node, postgresql } = run.environment;
  const machine = `${cpu}, ${cores} cores, Node ${node}, PostgreSQL ${postgresql.split(' ')[0]}`;
  const ids = run.sizes['idsPerPage'];
  return table(
    [
      `[Measured](docs/benchmarks.md) on ${machine}; pages of ${ids} patch ids / one random id / ${ids} random ids`,
      ours.name,
      'compared with a JSONB list per page, plain SQL',
    ],
    [
      line(
        'write, pages/s',
        kinds.map((kind) => figureOf(run, `write-${kind}`)),
        'faster',
        'slower',
      ),
      line(
        'read a page, ms',
        kinds.map((kind) => figureOf(run, `read-page-${kind}`)),
        'faster',
        'slower',
      ),
      line(
        `read a document of ${run.sizes['documentPages']} pages, ms`,
        kinds.map((kind) => figureOf(run, `read-document-${kind}`)),
        'faster',
        'slower',
      ),
      locateLine(run),
      line(
        'table and indexes, bytes/page',
        kinds.map((kind) => bytesOf(run, kind)),
        'smaller',
        'larger',
      ),
      growthLine(growth),
    ],
  );
}

/** A ratio above 1 means that the package is ahead. */
function line(title: string, figures: readonly Figure[], ahead: string, behind: string): string[] {
  const words = figures.map(({ ratio }) => {
    const times = formatNumber(Math.max(ratio, 1 / ratio));
    if (times === '1') return 'the same';
    return `${times}× ${ratio > 1 ? ahead : behind}`;
  });
  return [title, figures.map(({ own }) => own).join(' / '), words.join(' / ')];
}

function figureOf(run: RunResult, id: string): Figure {
  const result = caseOf(run, id);
  const { ratio } = resultOf(result, sqlJsonbList.name);
  if (ratio === null) throw new Error(`${id}: ${sqlJsonbList.name} has no ratio`);
  return { own: formatNumber(resultOf(result, ours.name).value), ratio };
}

/** Table and indexes together: what the package saves in one it may spend in the other. */
function bytesOf(run: RunResult, kind: (typeof kinds)[number]): Figure {
  const bytes = (contender: string) =>
    ['table', 'indexes']
      .map((part) => resultOf(caseOf(run, `bytes-${part}-${kind}`), contender).value)
      .reduce((sum, value) => sum + value);
  const own = bytes(ours.name);
  return { own: formatNumber(own), ratio: bytes(sqlJsonbList.name) / own };
}

function locateLine(run: RunResult): string[] {
  const { sizes } = run;
  const pages =
    (sizes['locatePatchPages'] ?? 0) +
    (sizes['locateSinglePages'] ?? 0) +
    (sizes['locateRandomPages'] ?? 0);
  const ms = kinds.map((kind) =>
    formatNumber(resultOf(caseOf(run, `locate-1000-${kind}`), ours.name).value),
  );
  return [
    `locate 1000 ids among ${shortNumber(pages)} pages, ms`,
    ms.join(' / '),
    `not measured: ${sqlJsonbList.cannot.locate}`,
  ];
}

function growthLine(growth: GrowthResult): string[] {
  const counts = pageCounts(growth);
  const [smallest, largest] = [Math.min(...counts), Math.max(...counts)];
  const ms = (operation: GrowthOperation, pages: number) => {
    const point = growth.points.find(
      (p) => p.operation === operation && p.pages === pages && p.connections === 1,
    );
    if (point === undefined) throw new Error(`growth.json has no ${operation} at ${pages} pages`);
    return formatNumber(point.ms.median);
  };
  const change = (operation: GrowthOperation) =>
    `${ms(operation, smallest)} → ${ms(operation, largest)}`;
  return [
    `growth from ${shortNumber(smallest)} to ${shortNumber(largest)} pages of patch ids, ms: find a page / ` +
      `locate ${growth.sizes['locateIds']} ids`,
    `${change('findByPage')} / ${change('locate')}`,
    'not measured',
  ];
}

function caseOf({ cases }: RunResult, id: string): CaseMedians {
  const result = cases.find((one) => one.id === id);
  if (result === undefined) throw new Error(`the run on a server has no case ${id}`);
  return result;
}

function resultOf({ id, results }: CaseMedians, name: string): CaseMedians['results'][number] {
  const result = results.find(({ contender }) => contender === name);
  if (result === undefined) throw new Error(`case ${id} has no result of ${name}`);
  return result;
}
