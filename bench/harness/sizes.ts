import { parseArgs } from 'node:util';

/** How much is measured. */
export type Sizes = Record<keyof typeof defaultSizes, number>;

/** What `npm run bench` does unless flags say otherwise: `--ids-per-page 729`. */
export const defaultSizes = {
  /** A page of ColPali. */
  idsPerPage: 1030,
  /** Rounds of the cases that read. */
  readRounds: 15,
  /** Reads of one page in a round. */
  pageReads: 20,
  /** Rounds of the cases that write or delete. */
  writeRounds: 5,
  /** Pages a write, where a page becomes a run or two, a list, or a row an id. */
  writePagesAsRuns: 2_000,
  writePagesAsLists: 200,
  writePagesAsRows: 10,
  /** Pages whose bytes are counted, likewise. */
  storedPagesAsRuns: 50_000,
  storedPagesAsLists: 500,
  storedPagesAsRows: 100,
  /** Pages of the document that is read whole, and documents that the scattered pages lie in. */
  documentPages: 100,
  /** Pages of computed ids that are searched. */
  locatePagesComputed: 1_000_000,
  /** Pages with one random id each that are searched. */
  locatePagesSingle: 1_000_000,
  /** Pages full of random ids that are searched. */
  locatePagesRandom: 2_000,
  /** Seconds after which a server gives up a search; who takes longer is left out. */
  statementSeconds: 20,
  /** Pages of the document that is deleted. */
  deletePages: 1_000,
  /** Seconds after which a contender sits out what is left of a case. */
  budgetSeconds: 8,
};

/** The same for PGlite, with tables as an embedded user has them. */
export function embeddedSizes(sizes: Sizes): Sizes {
  return {
    ...sizes,
    locatePagesComputed: Math.min(sizes.locatePagesComputed, 1_000),
    locatePagesSingle: Math.min(sizes.locatePagesSingle, 1_000),
    locatePagesRandom: Math.min(sizes.locatePagesRandom, 100),
    deletePages: Math.min(sizes.deletePages, 100),
  };
}

/**
 * What the command line asks for; one that cannot be read ends the process with the flags there are.
 *
 * @returns Whether it asks for anything: such a run is a trial, and its result not the one to publish.
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
    console.error(
      `${error.message}\n\nThe flags, with what they are by default:\n${flags.join('\n')}`,
    );
    process.exit(2);
  }
}

/** @throws {TypeError} A flag that is none, or whose value is no positive integer. */
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
      throw new TypeError(`--${flagOf(name)} must be a positive integer`);
    }
    return [name, Number(given)];
  });
  return Object.fromEntries(sizes) as Record<keyof Defaults, number>;
}

/** `locate-pages-computed` for `locatePagesComputed`. */
function flagOf(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
}
