import type { Command } from 'commander';
import type { SchemaDrift } from '../migrations/drift.ts';
import { installFix } from '../migrations/drift-fix.ts';
import { defaultTables } from '../tables.ts';
import { withDatabase } from './database.ts';
import { loadLedger } from './ledger-module.ts';
import { count, formatNumber } from './output.ts';
import { formatShape } from './shape.ts';
import {
  type DatabaseDescription,
  type LedgerReport,
  readLedgerReport,
  readStatusReport,
  type StatusReport,
} from './status-report.ts';
import { exitCodes } from './stderr.ts';
import { examples, globalOptions } from './usage.ts';

export function addStatusCommand(program: Command): void {
  program
    .command('status')
    .summary('show the database, its migrations and the number of pages')
    .description(
      'Shows which database is used, which migrations it has, whether its schema was changed by other means (drift), and how many pages are recorded.',
    )
    .option('--exit-code', 'exit with 1 if a migration is not applied or the schema was changed')
    .addHelpText('after', examples('colpali-vectors status', 'colpali-vectors status --exit-code'))
    .action(async ({ exitCode }: { exitCode?: boolean }) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const status = await withDatabase<StatusReport | LedgerReport>(url, (db) =>
        ledger === defaultTables ? readStatusReport(db, url) : readLedgerReport(db, url, ledger),
      );
      output.result(status, () => formatStatus(status));
      if (exitCode && !isUpToDate(status)) process.exitCode = exitCodes.failed;
    });
}

/** Whether the database has exactly the migrations of this version, and nothing else changed its ledger. */
function isUpToDate({ drift }: StatusReport | LedgerReport): boolean {
  return drift?.length === 0;
}

function formatStatus(status: StatusReport | LedgerReport): string {
  const { database, drift, shape, orphans } = status;
  return [
    `database    ${formatDatabase(database)}`,
    ...('ledger' in status ? [`ledger      ${status.ledger}`] : formatMigrations(status)),
    `drift       ${drift === null ? notChecked(status) : formatDrift(drift, status)}`,
    ...(shape === null ? [] : [`stored      ${formatShape(shape)}`]),
    `pages       ${formatPageCounts(status)}`,
    ...(orphans === null ? [] : [`orphans     ${count(orphans, 'row')} waiting for a purge`]),
  ].join('\n');
}

function formatMigrations({ applied, pending, skipped, unknown, shape }: StatusReport): string[] {
  return [
    `migrations  ${applied.length} applied, ${pending.length} pending`,
    ...pending.map((tag) => `              ${tag}`),
    ...skipped.map((tag) => `              ${tag} is not applied, but a newer migration is`),
    ...(unknown > 0
      ? [`              ${count(unknown, 'migration')} from a newer version of this package`]
      : []),
    ...(shape === null
      ? ['              If you made a ledger with defineLedger, name it: --ledger <module>']
      : []),
  ];
}

function formatDatabase(database: DatabaseDescription): string {
  return database.kind === 'postgres'
    ? `PostgreSQL ${database.version}, ${database.database} at ${database.server} as ${database.user}`
    : `PGlite (PostgreSQL ${database.version}) in ${database.directory}`;
}

function formatPageCounts(status: StatusReport | LedgerReport): string {
  const { pages, pendingPages, drift } = status;
  if (pages === null) {
    const table = 'ledger' in status ? status.ledger : '"vectors"';
    return drift === null ? `the table ${table} does not exist` : 'not counted';
  }
  // Before the migrations, a page can have several rows.
  if (pendingPages === null) return `${count(pages, 'row')} in vectors`;
  return `${count(pages, 'page')}, ${formatNumber(pendingPages)} pending`;
}

function notChecked(status: StatusReport | LedgerReport): string {
  const reason =
    'ledger' in status
      ? 'the table does not exist'
      : 'the database has a different version of the schema';
  return `not checked: ${reason}`;
}

function formatDrift(drift: readonly SchemaDrift[], status: StatusReport | LedgerReport): string {
  if (drift.length === 0) return 'none';
  if (!('installed' in status) || status.installed) return formatDifferences(drift);
  return [
    "\n              the ledger's functions and triggers are not installed",
    '\n                fix: run "colpali-vectors generate" and then your migrations, or installLedger(db, ledger)',
    // Lists only what installing the ledger does not fix.
    formatDifferences(drift.filter(({ fix }) => fix !== installFix)),
  ].join('');
}

function formatDifferences(drift: readonly SchemaDrift[]): string {
  return drift
    .map(({ object, problem, expected, found = '', fix }) => {
      const isShort = !`${expected}${found}`.includes('\n');
      const details =
        problem === 'changed' && isShort
          ? `\n                expected ${expected}\n                found    ${found}`
          : '';
      return `\n              ${object} is ${problem}${details}\n                fix: ${fix}`;
    })
    .join('');
}
