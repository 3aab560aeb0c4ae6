import type { Contender } from '../contender.ts';
import { originalDrizzle } from './original-drizzle.ts';
import { originalSql } from './original-sql.ts';
import { ours } from './ours.ts';
import { rawJsonbList } from './raw-jsonb-list.ts';
import { rawSameRows } from './raw-same-rows.ts';

/** Those that take no packages but the repository's own; the package first. */
export const builtInContenders: readonly Contender[] = [
  ours,
  rawSameRows,
  rawJsonbList,
  originalSql,
  originalDrizzle,
];
