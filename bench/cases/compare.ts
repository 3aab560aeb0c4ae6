import { ours } from '../contenders/ours.ts';
import { type MeasureOptions, measure, type Task } from '../harness/measure.ts';
import { median, summarize } from '../harness/statistics.ts';
import type { CaseResult, ContenderResult } from '../result.ts';

/** A contender's part in a case, and how many pages one execution is about. */
export interface ComparedTask extends Task {
  pages: number;
}

type CaseHead = Pick<CaseResult, 'id' | 'title' | 'place' | 'checkedIds' | 'leftOut'>;

/** Times the tasks and gives milliseconds an execution or pages a second. */
export async function compare(
  head: CaseHead & { unit: 'ms' | 'pages/s' },
  tasks: readonly ComparedTask[],
  options: MeasureOptions,
): Promise<CaseResult> {
  const timed = await measure(tasks, options);
  const inUnit = tasks.map(({ contender, pages }) => ({
    contender,
    pages,
    rounds: (timed.get(contender) ?? []).map((round) =>
      round.map((ms) => (head.unit === 'ms' ? ms : pages / (ms / 1_000))),
    ),
  }));
  return caseResult(head, inUnit);
}

/** A case's result from values by contender and round. */
export function caseResult(
  { id, title, place, checkedIds, leftOut, unit }: CaseHead & Pick<CaseResult, 'unit'>,
  measured: readonly { contender: string; pages: number; rounds: readonly number[][] }[],
): CaseResult {
  const ownRounds = measured.find(({ contender }) => contender === ours.name)?.rounds.map(median);
  const results = measured.map(({ contender, pages, rounds }): ContenderResult => {
    const ratios = rounds.flatMap((samples, round) => {
      const own = ownRounds?.[round];
      if (own === undefined) return [];
      return unit === 'pages/s' ? own / median(samples) : median(samples) / own;
    });
    const timesOurs =
      ratios.length === 0
        ? null
        : { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
    return { contender, value: summarize(rounds.flat()), timesOurs, pages };
  });
  return { id, title, place, unit, checkedIds, results, leftOut };
}
