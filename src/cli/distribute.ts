import { type Command, Option } from 'commander';
import { type DistributeResult, distributeLedger } from '../scale/distribute.ts';
import { loadLedger } from './ledger-module.ts';
import { examples, globalOptions, lockTimeoutOption, parsePositiveInteger } from './usage.ts';

interface DistributeArguments {
  shards?: number;
  apply?: boolean;
  lockTimeout?: number;
}

export function addDistributeCommand(program: Command): void {
  program
    .command('distribute')
    .summary('distribute the ledger over a Citus cluster')
    .description(
      'Prints the SQL that distributes the ledger over the nodes of a Citus cluster. Run it on the coordinator, or let --apply run it. Read docs/scaling.md first: readers and writers wait until all rows are copied, and there is no command that undoes it.',
    )
    .addOption(
      new Option('--shards <number>', 'how many shards each table gets (default: 32)').argParser(
        parsePositiveInteger,
      ),
    )
    .option('--apply', 'run the statements in one transaction')
    .addOption(lockTimeoutOption(5_000))
    .addHelpText(
      'after',
      examples(
        'colpali-vectors distribute > distribute.sql',
        'colpali-vectors distribute --shards 64 --apply --database postgres://owner@coordinator/app',
      ),
    )
    .action(async ({ shards, apply, lockTimeout: lockTimeoutMs }: DistributeArguments) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const result = await output.whileShowing('Distributing', () =>
        distributeLedger({ url, shards, apply, lockTimeoutMs, ledger }),
      );
      output.result(result, () => describe(result));
    });
}

function describe({ statements, applied }: DistributeResult): string {
  if (applied) return 'distributed';
  if (statements.length === 0) return '-- the ledger is distributed already';
  return ['begin', ...statements, 'commit'].map((statement) => `${statement};`).join('\n');
}
