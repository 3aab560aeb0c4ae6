import { type Command, Option } from 'commander';
import { partition, partitionSql } from '../scale/partition.ts';
import { readShape } from '../scale/shape.ts';
import { uniform } from '../uniform-db.ts';
import { withDatabase } from './database.ts';
import { loadLedger, parseDocId } from './ledger-module.ts';
import { formatShape } from './shape.ts';
import { examples, globalOptions, parsePositiveInteger } from './usage.ts';

interface PartitionArguments {
  at?: string[];
  drop?: string;
  undo?: boolean;
  apply?: boolean;
  lockTimeout?: number;
}

export function addPartitionCommand(program: Command): void {
  program
    .command('partition')
    .summary('store the pages in partitions by ranges of documents')
    .description(
      'Prints the SQL that stores the pages in partitions by ranges of documents, adds or drops a range, or makes the partitions one table again. With --apply, runs it. docs/scaling.md says when to do this, and who has to wait while it runs.',
    )
    .addOption(
      new Option(
        '--at <docId...>',
        'begin a new range at each of these documents; their ids must be higher than those of all documents with pages',
      )
        .argParser((text: string, before: string[] = []) => [...before, text])
        .conflicts(['drop', 'undo']),
    )
    .addOption(
      new Option('--drop <partition>', 'queue the ids of this partition, and drop it').conflicts([
        'undo',
      ]),
    )
    .option('--undo', 'make the partitions one table again')
    .option('--apply', 'run the SQL; run the command again if it stops half way')
    .addOption(
      new Option(
        '--lock-timeout <ms>',
        'how many milliseconds a step may wait for its locks, before it is tried again (default: 500)',
      ).argParser(parsePositiveInteger),
    )
    .addHelpText(
      'after',
      examples(
        'colpali-vectors partition --at 1000000 --at 2000000 > partition.sql',
        'colpali-vectors partition --at 3000000 --apply',
        'colpali-vectors partition --drop vectors_p0 --apply',
        'colpali-vectors partition --undo --apply',
      ),
    )
    .action(async ({ apply, lockTimeout: lockTimeoutMs, at, ...change }: PartitionArguments) => {
      const { output, url } = globalOptions(program);
      const ledger = await loadLedger(program);
      const docIds = at?.map((text) => parseDocId(text, ledger, ['at']));
      await withDatabase(url, async (db) => {
        const options = { ...change, at: docIds, lockTimeoutMs, ledger };
        if (!apply) {
          const sql = await partitionSql(db, options);
          output.result({ sql }, () => sql);
          return;
        }
        await output.whileShowing('Changing the partitions', () => partition(db, options));
        const shape = await readShape(uniform(db), ledger);
        output.result(shape, () => formatShape(shape));
      });
    });
}
