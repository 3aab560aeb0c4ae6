import type { CaseContext, CaseGroup } from './cases/context.ts';
import { deleting } from './cases/deleting.ts';
import { locating } from './cases/locating.ts';
import { reading } from './cases/reading.ts';
import { storing } from './cases/storing.ts';
import { writing } from './cases/writing.ts';
import type { CaseResult } from './result.ts';

const onAnyPlace: CaseGroup[] = [writing, reading, locating, deleting];

/** Runs every case, one after the other, and tells of each. */
export async function runCases(
  context: CaseContext,
  onResult: (result: CaseResult) => void = () => {},
): Promise<CaseResult[]> {
  const groups = context.place.kind === 'server' ? [...onAnyPlace, storing] : onAnyPlace;
  const results: CaseResult[] = [];
  for (const runGroup of groups) {
    for (const result of await runGroup(context)) {
      results.push(result);
      onResult(result);
    }
  }
  return results;
}
