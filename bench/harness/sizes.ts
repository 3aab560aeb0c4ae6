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
  /** Pages whose bytes are counted, by layout. */
  storedPagesAsRuns: 50_000,
  storedPagesAsLists: 500,
  storedPagesAsRows: 100,
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
  /** A contender that has used this many seconds skips the rest of the case, after three rounds. */
  budgetSeconds: 8,
};

/** The sizes for PGlite, whose tables are small in practice. */
export function embeddedSizes(sizes: Sizes): Sizes {
  return {
    ...sizes,
    locatePatchPages: Math.min(sizes.locatePatchPages, 1_000),
    locateSinglePages: Math.min(sizes.locateSinglePages, 1_000),
    locateRandomPages: Math.min(sizes.locateRandomPages, 100),
    deletePages: Math.min(sizes.deletePages, 100),
  };
}

/**
 * Reads the sizes from the command line. If a flag is not valid, lists the flags and exits with 2.
 *
 * @returns The sizes, and whether a flag was given: such a run is a trial, not to be published.
 */
export function readSizes<Defaults extends Record<string, number>>(
  defaults: Defaults,
): { sizes: Record<keyof Defaults, number>; isTrial: boolean } {
  const args = process.argv.slice(2);
  try {
    return { sizes: parseSizes(args, defaults), isTrial: args.length > 0 };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const flags = Object.entries(defaults).map(([name, value]) => `  --${flagOf(name)} ${value}`);
    console.error(`${error.message}\n\nFlags and their defaults:\n${flags.join('\n')}`);
    process.exit(2);
  }
}

/** @throws {TypeError} If a flag is unknown or its value is not a positive integer. */
export function parseSizes<Defaults extends Record<string, number>>(
  args: readonly string[],
  defaults: Defaults,
): Record<keyof Defaults, number> {
  const names = Object.keys(defaults);
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
  return Object.fromEntries(sizes) as Record<keyof Defaults, number>;
}

/** Turns `readRounds` into `read-rounds`. */
export function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
