import type { CaseResult } from '../result.ts';

/** A case as a table: medians with their spread, and how many times worse than the package each is. */
export function printCase({ title, place, unit, results, leftOut }: CaseResult): void {
  console.log(`\n${title} (${place === 'server' ? 'server' : 'PGlite'}, ${unit})`);
  console.table(
    Object.fromEntries(
      results.map(({ contender, value, timesOurs, pages }) => [
        contender,
        {
          median: format(value.median),
          'p10 - p90': `${format(value.p10)} - ${format(value.p90)}`,
          ...(timesOurs && {
            'times ours': format(timesOurs.median),
            'best - worst round': `${format(timesOurs.min)} - ${format(timesOurs.max)}`,
          }),
          samples: value.samples,
          pages,
        },
      ]),
    ),
  );
  const whys = new Map<string, string[]>();
  for (const { contender, why } of leftOut) whys.set(why, [...(whys.get(why) ?? []), contender]);
  for (const [why, names] of whys) console.log(`without ${names.join(', ')}: ${why}`);
}

/** Three significant digits. */
export function format(value: number): string {
  return value.toLocaleString('en', { maximumSignificantDigits: 3 });
}
