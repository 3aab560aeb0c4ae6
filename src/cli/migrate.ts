import { type Command, Option } from 'commander';
import { type DuplicatesRemedy, type MigrateResult, migrate } from '../migrations/migrate.ts';
import { rejectLedger } from './ledger-module.ts';
import { examples, globalOptions, lockTimeoutOption } from './usage.ts';

interface MigrateArguments {
  duplicates?: DuplicatesRemedy;
  dryRun?: boolean;
  lockTimeout?: number;
}

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .summary('apply the pending migrations')
    .description('Applies all pending migrations. If one fails, the database is left unchanged.')
    .option('--dry-run', 'print the SQL that would run, and change nothing')
    .addOption(
      new Option(
        '--duplicates <remedy>',
        'what to do with pages of a legacy table that have several rows; without it, they stop the migration',
      ).choices(['keep-newest', 'merge']),
    )
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      examples(
        'colpali-vectors migrate',
        'colpali-vectors migrate --dry-run > pending.sql',
        'colpali-vectors migrate --lock-timeout 30000 --database postgres://owner@localhost/app',
      ),
    )
    .action(async ({ duplicates, dryRun, lockTimeout: lockTimeoutMs }: MigrateArguments) => {
      rejectLedger(
        program,
        'for another ledger, "colpali-vectors generate" writes migrations into your project',
      );
      const { output, url } = globalOptions(program);
      const result = await output.whileShowing('Migrating', () =>
        migrate({ url, duplicates, dryRun, lockTimeoutMs }),
      );
      for (const warning of result.warnings) output.warn(warning);
      output.result(result, () => describe(result) || 'nothing to apply');
    });
}

function describe({ applied, planned }: MigrateResult): string {
  if (planned === undefined) return applied.map((tag) => `applied ${tag}`).join('\n');
  return planned.map(({ tag, sql }) => `-- migration ${tag}\n${sql}`).join('\n');
}
