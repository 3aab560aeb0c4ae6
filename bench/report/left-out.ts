import type { LeftOut } from '../result.ts';

/** Groups the contenders that were left out by the reason, each named once. */
export function byReason(leftOut: readonly LeftOut[]): Map<string, string[]> {
  const groups = new Map<string, string[]>();
  for (const { contender, why } of leftOut) {
    const names = groups.get(why) ?? [];
    if (!names.includes(contender)) groups.set(why, [...names, contender]);
  }
  return groups;
}
