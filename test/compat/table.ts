/** The table of docs/compatibility.md. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../support/drizzle-kit.ts';

const file = join(projectRoot, 'docs/compatibility.md');
const head = ['| with | what ran | result | on |', '| --- | --- | --- | --- |'];

/** A line of the table: what the package was tested with, and what came of it. */
export interface Result {
  with: string;
  ran: string;
  result: string;
}

/** Replaces the lines of these results and keeps the others, in the order of `names`. */
export function writeResults(results: readonly Result[], names: readonly string[]): void {
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
  for (const { with: name, ran, result } of results) {
    lines.set(name, `| ${name} | ${ran} | ${result} | ${today} |`);
  }
  const sorted = [...lines].toSorted(([a = ''], [b = '']) => names.indexOf(a) - names.indexOf(b));
  const table = [...head, ...sorted.map(([, line]) => line)].join('\n');
  writeFileSync(file, `${before}<!-- results -->\n\n${table}\n\n<!-- /results -->${after}`);
}
