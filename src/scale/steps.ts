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
   * The tables that the step locks, `documents` before the ledger's. The step is then one transaction, which waits only a
   * short time for its locks. If `locked` is absent, the statements run outside a transaction.
   */
  locked?: string[];
  /** The views that the step replaces. If they are given, the step takes all its locks before it changes anything. */
  views?: string[];
}

export interface Plan {
  steps: Step[];
  /**
   * Removes what would get in the way of writers if the steps are not finished. Can be run again. `isLeftOver` says that
   * an earlier run has left it there.
   */
  cleanup?: { statement: string; isLeftOver: boolean } | undefined;
}

/** How often a transaction is tried that does not get its locks in time. */
const maxTries = 60;

/** The steps as a script for psql. */
export function formatPlan({ steps, cleanup }: Plan, lockTimeoutMs: number): string {
  if (steps.length === 0) return '-- There is nothing to do.';
  const parts = steps.map((step) => {
    const lines =
      step.locked === undefined
        ? step.statements
        : ['begin', ...inTransaction(step, lockTimeoutMs), 'commit'];
    return [`-- ${step.comment}`, ...lines.map((statement) => `${statement};`)].join('\n');
  });
  const ifNotFinished =
    cleanup === undefined ? [] : [`-- If you do not finish this, run: ${cleanup.statement};`];
  return ['\\set ON_ERROR_STOP on', ...ifNotFinished, ...parts].join('\n\n');
}

/**
 * The statements of a transaction. First it takes a lock that blocks no reader or writer but makes a running autovacuum
 * stop. An autovacuum stops only for a session that has waited for `deadlock_timeout` (1 second), so this lock has a
 * longer timeout than the others.
 *
 * Then it stops writers, in the order in which a delete of a document locks the tables, and then readers. A reader that
 * joins the tables may lock them in either order, so it could keep one of the orders from succeeding in every try.
 *
 * @param isReversed - Whether to stop the readers of the last table first.
 */
function inTransaction(
  { statements, locked = [], views }: Step,
  lockTimeoutMs: number,
  isReversed = false,
): string[] {
  const lock = (tables: readonly string[], mode: string) =>
    tables.map((table) => `lock table ${table} in ${mode} mode`);
  const exclusive =
    views === undefined ? [] : [...locked.slice(0, -1), ...views, ...locked.slice(-1)];
  return [
    `set local lock_timeout = '10s'`,
    ...lock(locked, 'share update exclusive'),
    `set local lock_timeout = '${lockTimeoutMs}ms'`,
    ...(views === undefined ? [] : lock(locked, 'share row exclusive')),
    ...lock(isReversed ? exclusive.toReversed() : exclusive, 'access exclusive'),
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
      // If the first step fails, only an earlier run can have left something.
      const isDirty = done > 0 || cleanup?.isLeftOver === true;
      const left = isDirty ? await cleanUp(db, cleanup?.statement, lockTimeoutMs) : undefined;
      throw toStepError(error, step, left);
    }
  }
}

async function runStep(db: Db, step: Step, lockTimeoutMs: number): Promise<void> {
  if (step.locked === undefined) {
    for (const statement of step.statements) await db.execute(sql.raw(statement));
    return;
  }
  for (let tries = 1; ; tries += 1) {
    try {
      return await db.transaction(
        async (tx) => {
          for (const statement of inTransaction(step, lockTimeoutMs, tries % 2 === 0)) {
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
  statement: string | undefined,
  lockTimeoutMs: number,
): Promise<string | undefined> {
  if (statement === undefined) return undefined;
  try {
    await runStep(db, { comment: '', statements: [statement], locked: [] }, lockTimeoutMs);
    return undefined;
  } catch {
    return statement;
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
