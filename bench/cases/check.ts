import { deepStrictEqual } from 'node:assert';
import type { BenchPage, Session } from '../contender.ts';
import type { Participant } from './context.ts';

/**
 * Makes every participant read once and compares the ids with those written.
 *
 * @returns How many ids each participant returned.
 * @throws {AssertionError} If a participant returns other ids.
 */
export async function checkIds(
  participants: readonly Participant[],
  read: (session: Session) => Promise<string[][]>,
  expected: readonly BenchPage[],
): Promise<number> {
  for (const { contender, session } of participants) {
    const comparable = (ids: readonly string[]) => (contender.keepsOrder ? ids : [...ids].sort());
    deepStrictEqual(
      (await read(session)).map(comparable),
      expected.map(({ vectorIds }) => comparable(vectorIds)),
      `${contender.name} returns other ids than were written`,
    );
  }
  return expected.reduce((sum, { vectorIds }) => sum + vectorIds.length, 0);
}
