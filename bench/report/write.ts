/**
 * `npm run bench:report`: writes the committed results into docs/benchmarks.md and README.md, between
 * their markers, and draws docs/growth.svg.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { allFigures } from './all-figures.ts';
import { readGrowth, readRun } from './files.ts';
import { keyFigures } from './key-figures.ts';
import { drawGrowth } from './plot.ts';

const repository = new URL('../../', import.meta.url);

const run = readRun();
const growth = readGrowth();
writeFileSync(new URL('docs/growth.svg', repository), drawGrowth(growth));
writeBetweenMarkers('docs/benchmarks.md', allFigures(run, growth));
writeBetweenMarkers('README.md', keyFigures(run, growth));

function writeBetweenMarkers(path: string, figures: string): void {
  const file = new URL(path, repository);
  const text = readFileSync(file, 'utf8');
  const section = /(<!-- bench -->\n).*?(<!-- \/bench -->)/s;
  if (!section.test(text)) {
    throw new Error(`${path}: must contain the lines <!-- bench --> and <!-- /bench -->`);
  }
  writeFileSync(
    file,
    text.replace(section, (_, open, close) => `${open}\n${figures}\n\n${close}`),
  );
}
