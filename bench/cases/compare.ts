import { ours } from '../contenders/ours.ts';
import { measure, type Task } from '../harness/measure.ts';
import { median, summarize } from '../harness/statistics.ts';
import type { CaseResult, ContenderResult } from '../result.ts';
import type { CaseContext } from './context.ts';

/** A contender's task in a case. */
export interface ComparedTask extends Task {
  /** Pages that one execution writes, reads, deletes or searches. */
  pages: number;
}

type CaseHead<Unit extends CaseResult['unit']> = Pick<CaseResult, 'id' | 'title'> &
  Partial<Pick<CaseResult, 'checkedIds' | 'leftOut'>> & { unit: Unit };

/** A contender's values in the case's unit, by round. */
interface Measured {
  contender: string;
  pages: number;
  rounds: readonly number[][];
}

/** Times the tasks, and returns milliseconds per execution or pages per second. */
export async function compare(
  { backend, sizes }: Pick<CaseContext, 'backend' | 'sizes'>,
  head: CaseHead<'ms' | 'pages/s'>,
  tasks: readonly ComparedTask[],
  { rounds, executions }: { rounds: number; executions: number },
): Promise<CaseResult> {
  const budgetMs = sizes.budgetSeconds * 1_000;
  const timed = await measure(tasks, { rounds, executions, budgetMs });
  const measured = tasks.map(({ contender, pages }) => ({
    contender,
    pages,
    rounds: (timed.get(contender) ?? []).map((round) =>
      round.map((ms) => (head.unit === 'ms' ? ms : pages / (ms / 1_000))),
    ),
  }));
  return caseResult(backend, head, measured);
}

/** Summarizes the values of each contender and its ratio to the package in the same round. */
export function caseResult(
  { kind: backend }: CaseContext['backend'],
  { id, title, unit, checkedIds = 0, leftOut = [] }: CaseHead<CaseResult['unit']>,
  measured: readonly Measured[],
): CaseResult {
  const ourRounds = measured.find(({ contender }) => contender === ours.name)?.rounds.map(median);
  const results = measured.map(({ contender, pages, rounds }): ContenderResult => {
    const ratios = rounds.flatMap((samples, round) => {
      const own = ourRounds?.[round];
      if (own === undefined) return [];
      return unit === 'pages/s' ? own / median(samples) : median(samples) / own;
    });
    const ratio =
      ratios.length === 0
        ? null
        : { median: median(ratios), min: Math.min(...ratios), max: Math.max(...ratios) };
    return { contender, value: summarize(rounds.flat()), ratio, pages };
  });
  return { id, title, backend, unit, checkedIds, results, leftOut };
}
