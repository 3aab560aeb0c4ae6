/** Stands in for the model in the examples: vectors are made up, and the same in every run. */
import type { PatchPlace } from '../src/index.ts';

export const dimensions = 32;

/** The vector of one patch. */
export function embedPatch({ docId, page, patch }: PatchPlace): number[] {
  let state = (docId * 31 + page) * 10_007 + patch + 1;
  return Array.from({ length: dimensions }, () => {
    // A linear congruential generator (Numerical Recipes, section 7.1).
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** The vector of a query that this patch answers: close to the patch's own vector. */
export function embedQuery(answer: PatchPlace): number[] {
  return embedPatch(answer).map((value, index) => value + (index % 2 === 0 ? 0.05 : -0.05));
}
