/** The steps that change the shape of a ledger: printed for psql, or run. */
import { sql } from 'drizzle-orm';
import type { Db } from '../db.ts';
import { isDeadlock, isLockTimeout, toLedgerError } from '../driver-errors.ts';
import { DatabaseError, DatabaseUnavailableError, MigrationError } from '../errors.ts';

export interface Step {
  /** What it does and what waits for it, in a sentence. */
  comment: string;
  statements: string[];
  /**
   * The tables that the step locks. The step is then one transaction, which waits only a short time for its locks. If
   * `locked` is absent, the statements run outside a transaction.
   */
  locked?: string[];
}

export interface Plan {
  steps: Step[];
  /** Removes what would get in the way of writers if the steps are not finished. Can be run again. */
  cleanup?: string | undefined;
}

/** How often a transaction is tried that does not get its locks in time. */
const maxTries = 60;

/** The steps as a script for psql. */
export function formatPlan({ steps, cleanup }: Plan, lockTimeoutMs: number): string {
  if (steps.length === 0) return '-- There is nothing to do.';
  const parts = steps.map(({ comment, statements, locked }) => {
    const lines =
      locked === undefined
        ? statements
        : ['begin', ...inTransaction(statements, locked, lockTimeoutMs), 'commit'];
    return [`-- ${comment}`, ...lines.map((statement) => `${statement};`)].join('\n');
  });
  const ifNotFinished =
    cleanup === undefined ? [] : [`-- If you do not finish this, run: ${cleanup};`];
  return ['\\set ON_ERROR_STOP on', ...ifNotFinished, ...parts].join('\n\n');
}

/**
 * The statements of a transaction. First it takes a lock that blocks no reader or writer but makes a running autovacuum
 * stop. An autovacuum stops only for a session that has waited for `deadlock_timeout` (1 second), so this lock has a
 * longer timeout than the others.
 */
function inTransaction(
  statements: readonly string[],
  locked: readonly string[],
  lockTimeoutMs: number,
): string[] {
  return [
    `set local lock_timeout = '10s'`,
    ...locked.map((table) => `lock table ${table} in share update exclusive mode`),
    `set local lock_timeout = '${lockTimeoutMs}ms'`,
    ...statements,
  ];
}

/**
 * Runs the steps.
 *
 * @throws {MigrationError} A step failed. The steps before it are done.
 */
export async function runPlan(
  db: Db,
  { steps, cleanup }: Plan,
  lockTimeoutMs: number,
): Promise<void> {
  for (const [done, step] of steps.entries()) {
    try {
      await runStep(db, step, lockTimeoutMs);
    } catch (error) {
      // If the first step fails, there is nothing to clean up.
      const left = done === 0 ? undefined : await cleanUp(db, cleanup, lockTimeoutMs);
      throw toStepError(error, step, left);
    }
  }
}

async function runStep(db: Db, { statements, locked }: Step, lockTimeoutMs: number): Promise<void> {
  if (locked === undefined) {
    for (const statement of statements) await db.execute(sql.raw(statement));
    return;
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction(
        async (tx) => {
          for (const statement of inTransaction(statements, locked, lockTimeoutMs)) {
            await tx.execute(sql.raw(statement));
          }
        },
        { isolationLevel: 'read committed' },
      );
    } catch (error) {
      if (tries === maxTries || !(isLockTimeout(error) || isDeadlock(error))) throw error;
      // Sessions that waited behind us go first, and get at least as much time as we had.
      await new Promise((resolve) => setTimeout(resolve, lockTimeoutMs * (1 + Math.random())));
    }
  }
}

/** @returns The statement, if it failed. */
async function cleanUp(
  db: Db,
  cleanup: string | undefined,
  lockTimeoutMs: number,
): Promise<string | undefined> {
  if (cleanup === undefined) return undefined;
  try {
    await runStep(db, { comment: '', statements: [cleanup], locked: [] }, lockTimeoutMs);
    return undefined;
  } catch {
    return cleanup;
  }
}

function toStepError(error: unknown, { comment }: Step, left: string | undefined): unknown {
  const mapped = toLedgerError(error);
  const isOurs = mapped instanceof DatabaseError || mapped instanceof MigrationError;
  if (mapped instanceof DatabaseUnavailableError && left === undefined) return mapped;
  if (!isOurs && left === undefined) return mapped;
  const cause = mapped instanceof Error ? (mapped.cause ?? mapped) : mapped;
  const reason = cause instanceof Error ? cause.message : String(cause);
  const again = isLockTimeout(error)
    ? 'Other sessions did not let go of the tables. End long transactions, then run the command again.'
    : 'Run the command again. It goes on where it stopped.';
  const hint =
    left === undefined ? again : `Writers may fail until you run this: ${left};\n${again}`;
  return new MigrationError(
    `Not finished. This step failed: ${comment}\nReason: ${reason}\nHint: ${hint}`,
    { hint },
    { cause: mapped },
  );
}
