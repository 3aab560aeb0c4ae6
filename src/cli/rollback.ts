import { type Command, Option } from 'commander';
import { rollback } from '../migrations/rollback.ts';
import { rejectLedger } from './ledger-module.ts';
import { examples, globalOptions, lockTimeoutOption } from './usage.ts';

interface RollbackArguments {
  to?: string;
  all?: boolean;
  lockTimeout?: number;
}

export function addRollbackCommand(program: Command): void {
  program
    .command('rollback')
    .summary('undo the newest migration, or several')
    .description(
      'Undoes the newest migration, or several with --to or --all. If one fails, the database is left unchanged.',
    )
    .addOption(
      new Option('--to <migration>', 'undo every migration newer than this one').conflicts('all'),
    )
    .option(
      '--all',
      'undo every migration: drops the table "vectors" and keeps the table "documents"',
    )
    .addOption(lockTimeoutOption())
    .addHelpText(
      'after',
      examples(
        'colpali-vectors rollback',
        'colpali-vectors rollback --to 0000_20250524_vectors',
        'colpali-vectors rollback --all',
      ),
    )
    .action(async ({ to, all, lockTimeout: lockTimeoutMs }: RollbackArguments) => {
      rejectLedger(program, 'to drop another ledger, call uninstallLedger(db, ledger)');
      const { output, url } = globalOptions(program);
      const result = await output.whileShowing('Rolling back', () =>
        rollback({ url, to, all, lockTimeoutMs }),
      );
      for (const warning of result.warnings) output.warn(warning);
      output.result(
        result,
        () => result.undone.map((tag) => `undone ${tag}`).join('\n') || 'nothing to undo',
      );
    });
}
