import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** What one contender does in a case. */
export interface Task {
  contender: string;
  /** Sets up one execution, untimed, and returns the work to time. */
  prepare(): Promise<() => Promise<unknown>>;
}

export interface MeasureOptions {
  rounds: number;
  /** Executions of a task per round, timed one by one. */
  executions: number;
  /** A task that has used this much time, including preparation, skips the rounds after the third. */
  budgetMs: number;
}

const minRounds = 3;

// The flag makes `gc` a global of new contexts.
setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

/**
 * Times tasks in turns, so that other load on the machine affects all alike.
 *
 * Every round runs each task once; each round starts with the next task. Round -1 warms up and is not
 * counted. Garbage is collected before each turn, so that no contender pays for the one before it.
 *
 * @returns The milliseconds of each execution, by contender and round.
 */
export async function measure(
  tasks: readonly Task[],
  { rounds, executions, budgetMs }: MeasureOptions,
): Promise<Map<string, number[][]>> {
  const timed = new Map(tasks.map(({ contender }) => [contender, [] as number[][]]));
  const usedMs = new Map<string, number>();
  for (let round = -1; round < rounds; round += 1) {
    for (let turn = 0; turn < tasks.length; turn += 1) {
      const task = tasks[(turn + Math.max(round, 0)) % tasks.length] as Task;
      const used = usedMs.get(task.contender) ?? 0;
      if (round >= minRounds && used > budgetMs) continue;
      collectGarbage();
      const start = performance.now();
      const samples = await timeExecutions(task, executions);
      if (round < 0) continue;
      usedMs.set(task.contender, used + performance.now() - start);
      timed.get(task.contender)?.push(samples);
    }
  }
  return timed;
}

async function timeExecutions(task: Task, executions: number): Promise<number[]> {
  const samples: number[] = [];
  for (let execution = 0; execution < executions; execution += 1) {
    const work = await task.prepare();
    const start = performance.now();
    await work();
    samples.push(performance.now() - start);
  }
  return samples;
}
