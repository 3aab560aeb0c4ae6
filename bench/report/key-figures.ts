import { ours } from '../contenders/ours.ts';
import { sqlJsonbList } from '../contenders/sql-jsonb-list.ts';
import type { CaseResult, GrowthOperation, GrowthResult, RunResult } from '../result.ts';
import { formatNumber, shortNumber } from './numbers.ts';
import { pageCounts } from './page-counts.ts';
import { table } from './table.ts';

/** The README's table: six figures, compared with the simplest table that does the job. */
export function keyFigures(run: RunResult, growth: GrowthResult): string {
  const { cpu, cores, node, postgresql } = run.environment;
  const machine = `${cpu}, ${cores} cores, Node ${node}, PostgreSQL ${postgresql.split(' ')[0]}`;
  return table(
    [
      `[Measured](docs/benchmarks.md) on ${machine}`,
      ours.name,
      'compared with a JSONB list per page, plain SQL',
    ],
    [
      timeRow(run, 'write-patch'),
      timeRow(run, 'write-random'),
      timeRow(run, 'read-page-patch'),
      locateRow(run),
      bytesRow(run),
      growthRow(growth),
    ],
  );
}

function timeRow(run: RunResult, id: string): string[] {
  const result = serverCase(run, id);
  const { ratio } = resultOf(result, sqlJsonbList.name);
  if (ratio === null) throw new Error(`${id}: ${sqlJsonbList.name} has no ratio`);
  return [result.title, ourMedian(result), inWords(ratio.median, 'faster', 'slower')];
}

function locateRow(run: RunResult): string[] {
  const { sizes } = run;
  const pages =
    (sizes['locatePatchPages'] ?? 0) +
    (sizes['locateSinglePages'] ?? 0) +
    (sizes['locateRandomPages'] ?? 0);
  const result = serverCase(run, 'locate-1000-patch');
  return [
    `locate 1000 patch ids among ${shortNumber(pages)} pages`,
    ourMedian(result),
    `not measured: ${sqlJsonbList.cannot.locate}`,
  ];
}

/** Adds the table and its indexes, because the package saves bytes in one and spends some of them in the other. */
function bytesRow(run: RunResult): string[] {
  const bytes = (kind: 'patch' | 'random', contender: string) =>
    ['table', 'indexes']
      .map((part) => resultOf(serverCase(run, `bytes-${part}-${kind}`), contender).value.median)
      .reduce((sum, value) => sum + value);
  const kinds = (['patch', 'random'] as const).map((kind) => {
    const own = bytes(kind, ours.name);
    const ratio = bytes(kind, sqlJsonbList.name) / own;
    return { own: formatNumber(own), ratio: inWords(ratio, 'smaller', 'larger') };
  });
  return [
    `table and indexes, pages of ${run.sizes['idsPerPage']} patch ids / random ids`,
    `${kinds.map(({ own }) => own).join(' / ')} bytes/page`,
    kinds.map(({ ratio }) => ratio).join(' / '),
  ];
}

function growthRow(growth: GrowthResult): string[] {
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
    `${ms(operation, smallest)} → ${ms(operation, largest)} ms`;
  return [
    `growth from ${shortNumber(smallest)} to ${shortNumber(largest)} pages: find a page / ` +
      `locate ${growth.sizes['locateIds']} patch ids`,
    `${change('findByPage')} / ${change('locate')}`,
    'not measured',
  ];
}

function serverCase({ cases }: RunResult, id: string): CaseResult {
  const result = cases.find((one) => one.id === id && one.backend === 'server');
  if (result === undefined) throw new Error(`run.json has no case ${id} on a server`);
  return result;
}

function resultOf({ id, results }: CaseResult, name: string): CaseResult['results'][number] {
  const result = results.find(({ contender }) => contender === name);
  if (result === undefined) throw new Error(`case ${id} in run.json has no result of ${name}`);
  return result;
}

function ourMedian(result: CaseResult): string {
  return `${formatNumber(resultOf(result, ours.name).value.median)} ${result.unit}`;
}

/** Above 1 the package is ahead. */
function inWords(ratio: number, ahead: string, behind: string): string {
  return ratio >= 1 ? `${formatNumber(ratio)}× ${ahead}` : `${formatNumber(1 / ratio)}× ${behind}`;
}
