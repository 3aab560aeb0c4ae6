import { deepStrictEqual } from 'node:assert';
import type { BenchPage, Session } from '../contender.ts';
import type { Participant } from './context.ts';

/**
 * Asks every participant once, and requires the ids that were written.
 *
 * @returns How many ids each of them gave.
 * @throws {AssertionError} One of them gives others.
 */
export async function checkIds(
  participants: readonly Participant[],
  ask: (session: Session) => Promise<string[][]>,
  expected: readonly BenchPage[],
): Promise<number> {
  for (const { contender, session } of participants) {
    const comparable = (ids: readonly string[]) => (contender.keepsOrder ? ids : [...ids].sort());
    deepStrictEqual(
      (await ask(session)).map(comparable),
      expected.map(({ vectorIds }) => comparable(vectorIds)),
      `${contender.name} gives other ids than were written`,
    );
  }
  return expected.reduce((sum, { vectorIds }) => sum + vectorIds.length, 0);
}
