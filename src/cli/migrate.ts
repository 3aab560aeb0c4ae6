import type { Command } from 'commander';
import { migrate } from '../migrations/migrate.ts';
import { examples, globalOptions, lockTimeoutOption } from './usage.ts';

export function addMigrateCommand(program: Command): void {
  program
    .command('migrate')
    .summary('apply the pending migrations')
    .description('Applies all pending migrations. If one fails, the database is left unchanged.')
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      examples(
        'colpali-vectors migrate',
        'colpali-vectors migrate --lock-timeout 30000 --database postgres://owner@localhost/app',
      ),
    )
    .action(async ({ lockTimeout: lockTimeoutMs }: { lockTimeout?: number }) => {
      const { output, url } = globalOptions(program);
      const result = await output.whileShowing('Migrating', () => migrate({ url, lockTimeoutMs }));
      for (const warning of result.warnings) output.warn(warning);
      output.result(
        result,
        () => result.applied.map((tag) => `applied ${tag}`).join('\n') || 'nothing to apply',
      );
    });
}
