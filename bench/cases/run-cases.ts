import type { CaseResult } from '../result.ts';
import type { CaseContext, CaseGroup } from './context.ts';
import { deleting } from './deleting.ts';
import { largePages } from './large-pages.ts';
import { locating } from './locating.ts';
import { queueing } from './queueing.ts';
import { reading } from './reading.ts';
import { storing } from './storing.ts';
import { writing } from './writing.ts';

const groups: CaseGroup[] = [writing, reading, locating, deleting, largePages, queueing];

/** Runs the cases one after another; sizes in bytes are measured on a server only. */
export async function runCases(
  context: CaseContext,
  onResult: (result: CaseResult) => void = () => {},
): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const runGroup of context.backend.kind === 'server' ? [...groups, storing] : groups) {
    for (const result of await runGroup(context)) {
      results.push(result);
      onResult(result);
    }
  }
  return results;
}
