import type { Command } from 'commander';
import { type GenerateOptions, generate } from '../generate/generate.ts';
import type { GeneratedMigration } from '../generate/ledger-migration.ts';
import { rejectLedger } from './ledger-module.ts';
import { count, Output } from './output.ts';
import { examples } from './usage.ts';

export function addGenerateCommand(program: Command): void {
  program
    .command('generate')
    .summary('write a migration with the functions and triggers of your ledgers')
    .description(
      'Adds a custom migration for drizzle-kit with the functions, checks, triggers, index and view of each ledger that your schema exports, unless your migrations have them. Run it after "drizzle-kit generate". It needs no database.',
    )
    .option(
      '--config <path>',
      'configuration of drizzle-kit (default: drizzle.config.ts, .js or .json)',
    )
    .option('--schema <path>', 'schema files, instead of the configuration: a path or a glob')
    .option('--out <folder>', 'folder of the migrations, with --schema (default: drizzle)')
    .addHelpText(
      'after',
      examples(
        'drizzle-kit generate && colpali-vectors generate',
        'colpali-vectors generate --schema ./src/schema.ts --out ./drizzle',
      ),
    )
    .action(async (options: GenerateOptions) => {
      rejectLedger(
        program,
        'it finds all ledgers that your schema exports',
        'this command does not use the option',
      );
      const output = new Output(program.opts<{ json?: boolean }>().json ?? false);
      const result = await generate(options);
      for (const { ledger, state } of result.ledgers) {
        if (state !== 'orphaned') continue;
        output.warn(
          `the ledger ${ledger} is no longer exported, but your migrations still have its tables: export it, or drop them`,
        );
      }
      output.result(result, () => describe(result));
    });
}

function describe({ migration, ledgers }: GeneratedMigration): string {
  if (migration === null) return `nothing changed: ${count(ledgers.length, 'ledger')}`;
  const changes = ledgers.filter(({ state }) => state !== 'unchanged' && state !== 'orphaned');
  return [`wrote ${migration}`, ...changes.map(({ ledger, state }) => `  ${ledger} ${state}`)].join(
    '\n',
  );
}
