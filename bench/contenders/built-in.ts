import type { Contender } from '../contender.ts';
import { originalDrizzle } from './original-drizzle.ts';
import { originalSql } from './original-sql.ts';
import { ours } from './ours.ts';
import { sqlJsonbList } from './sql-jsonb-list.ts';
import { sqlSameTables } from './sql-same-tables.ts';

/** The contenders that need no packages beyond the repository's own. */
export const builtInContenders: readonly Contender[] = [
  ours,
  sqlSameTables,
  sqlJsonbList,
  originalSql,
  originalDrizzle,
];
