import type { CaseResult } from '../result.ts';
import { byReason } from './left-out.ts';
import { formatNumber } from './numbers.ts';

/** Prints a case as a table: medians with their spread, and the ratios to the package. */
export function printCase({ title, backend, unit, results, leftOut }: CaseResult): void {
  console.log(`\n${title} (${backend === 'server' ? 'server' : 'PGlite'}, ${unit})`);
  console.table(
    Object.fromEntries(
      results.map(({ contender, value, ratio, pages }) => [
        contender,
        {
          median: formatNumber(value.median),
          'p10 - p90': `${formatNumber(value.p10)} - ${formatNumber(value.p90)}`,
          ...(ratio && {
            ratio: formatNumber(ratio.median),
            'min - max ratio': `${formatNumber(ratio.min)} - ${formatNumber(ratio.max)}`,
          }),
          samples: value.samples,
          pages,
        },
      ]),
    ),
  );
  for (const [why, names] of byReason(leftOut)) {
    console.log(`left out: ${names.join(', ')}: ${why}`);
  }
}
