import { parseArgs } from 'node:util';

export type Sizes = Record<keyof typeof defaultSizes, number>;

/** What `npm run bench` measures without flags. */
export const defaultSizes = {
  /** As many as a page has in ColPali. */
  idsPerPage: 1030,
  /** Rounds of the cases that read. */
  readRounds: 15,
  /** Reads of one page per round. */
  pageReads: 20,
  /** Rounds of the cases that write or delete. */
  writeRounds: 5,
  /** Pages per write, by layout: a row per id takes a thousand times as long as a run. */
  writePagesAsRuns: 2_000,
  writePagesAsLists: 200,
  writePagesAsRows: 10,
  /** Pages with one id per write. */
  writePagesOfOneId: 5_000,
  /** Pages whose bytes are counted, by layout. */
  storedPagesAsRuns: 50_000,
  storedPagesAsLists: 500,
  storedPagesAsRows: 100,
  storedPagesOfOneId: 50_000,
  /** Pages in the document that is read, and documents that single pages are read from. */
  documentPages: 100,
  /** Pages of patch ids in the table that `locate` searches. */
  locatePatchPages: 1_000_000,
  /** Pages with one random id each in that table. */
  locateSinglePages: 1_000_000,
  /** Pages full of random ids in that table. */
  locateRandomPages: 2_000,
  /** The server cancels a search after this many seconds, and the contender is left out. */
  statementSeconds: 20,
  /** Pages in the document that is deleted. */
  deletePages: 1_000,
  /** Pages with very many patch ids that are written. */
  largePages: 500,
  /** Rows in the long queue of orphans, one per page. */
  queueRows: 100_000,
  /** Ids in each of them. */
  queueIdsPerRow: 10,
  /** Rows that a purge deletes with the long queue and with an empty one. */
  purgeRows: 2_000,
  /** Pages with one id that an audit compares. */
  auditPages: 50_000,
  /** Pages that a writer records beside a purge, and how long one call to the store takes. */
  writesBesidePurge: 400,
  storeMs: 20,
  /** A contender that has used this many seconds skips the rest of the case, after three rounds. */
  budgetSeconds: 6,
};

/** Smaller sizes for the embedded server, whose run is there to compare versions. */
export const embeddedServerSizes: Sizes = {
  ...defaultSizes,
  readRounds: 7,
  writeRounds: 3,
  locatePatchPages: 100_000,
  locateSinglePages: 100_000,
  locateRandomPages: 500,
  storedPagesAsRuns: 20_000,
  storedPagesOfOneId: 20_000,
  queueRows: 20_000,
  auditPages: 10_000,
  budgetSeconds: 4,
};

/** The sizes for PGlite, whose tables are small in practice. */
export const pgliteSizes: Sizes = {
  ...embeddedServerSizes,
  locatePatchPages: 1_000,
  locateSinglePages: 1_000,
  locateRandomPages: 100,
  writePagesOfOneId: 1_000,
  deletePages: 100,
  largePages: 100,
  queueRows: 2_000,
  purgeRows: 500,
  auditPages: 2_000,
};

/** What the command line says. */
export interface Arguments<Name extends string, Choice extends string> {
  choice: Choice;
  sizes: Record<Name, number>;
  /** Whether sizes were given: such a run is a trial, not to be published. */
  isTrial: boolean;
}

/**
 * Reads one choice and the sizes from the command line. If a flag is not valid, lists the flags and exits with 2.
 *
 * @param flag - The name of the flag with the choice.
 * @param defaults - The sizes of each choice, the first of which is made without the flag.
 */
export function readArguments<Name extends string, Choice extends string>(
  flag: string,
  defaults: Record<Choice, Record<Name, number>>,
): Arguments<Name, Choice> {
  const args = process.argv.slice(2);
  const choices = Object.keys(defaults) as Choice[];
  const [first] = choices as [Choice];
  try {
    const at = args.indexOf(`--${flag}`);
    const [, choice = first] = at < 0 ? [] : (args.splice(at, 2) as [string, Choice?]);
    if (!choices.includes(choice)) {
      throw new TypeError(`--${flag}: must be one of ${choices.join(', ')}, got ${choice}`);
    }
    return { choice, sizes: parseSizes(args, defaults[choice]), isTrial: args.length > 0 };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const flags = Object.entries(defaults[first]).map(
      ([name, value]) => `  --${flagOf(name)} ${value}`,
    );
    console.error(
      `${error.message}\n\nFlags and their defaults:\n  --${flag} ${choices.join('|')}\n${flags.join('\n')}`,
    );
    process.exit(2);
  }
}

/** @throws {TypeError} If a flag is unknown or its value is not a positive integer. */
export function parseSizes<Name extends string>(
  args: readonly string[],
  defaults: Record<Name, number>,
): Record<Name, number> {
  const names = Object.keys(defaults) as Name[];
  const { values } = parseArgs({
    args: [...args],
    options: Object.fromEntries(names.map((name) => [flagOf(name), { type: 'string' as const }])),
  });
  const sizes = names.map((name): [string, number] => {
    const given = values[flagOf(name)];
    if (given === undefined) return [name, defaults[name] as number];
    if (!/^[1-9]\d*$/.test(String(given))) {
      throw new TypeError(`--${flagOf(name)}: must be a positive integer, got ${given}`);
    }
    return [name, Number(given)];
  });
  return Object.fromEntries(sizes) as Record<Name, number>;
}

/** Turns `readRounds` into `read-rounds`. */
export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
