/** The table of docs/compatibility.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/drizzle-kit.ts';

const file = join(projectRoot, 'docs/compatibility.md');
const head = ['| with | version | what ran | result | on |', '| --- | --- | --- | --- | --- |'];

/** What came of the tests with one version of something. */
export interface Result {
  version: string;
  /** Which tests ran. */
  ran: string;
  /** How many passed, failed and were skipped. */
  result: string;
}

/** Writes the line `name` and keeps the others, in the order of `names`. */
export function writeResult(
  name: string,
  { version, ran, result }: Result,
  names: readonly string[],
): void {
  const [before = '', old = '', after = ''] = readFileSync(file, 'utf8').split(
    /<!-- \/?results -->/,
  );
  const lines = new Map(
    old
      .split('\n')
      .filter((line) => line.startsWith('| ') && !head.includes(line))
      .map((line) => [line.split(' | ')[0]?.slice(2), line]),
  );
  const today = new Date().toISOString().slice(0, 10);
  lines.set(name, `| ${name} | ${version} | ${ran} | ${result} | ${today} |`);
  const sorted = [...lines].toSorted(([a = ''], [b = '']) => names.indexOf(a) - names.indexOf(b));
  const table = [...head, ...sorted.map(([, line]) => line)].join('\n');
  writeFileSync(file, `${before}<!-- results -->\n\n${table}\n\n<!-- /results -->${after}`);
}
