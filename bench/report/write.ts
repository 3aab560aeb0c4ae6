/**
 * `npm run bench:report`: writes the committed results into docs/benchmarks.md, docs/scaling.md and README.md,
 * between their markers, and draws docs/growth.svg.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { allFigures } from './all-figures.ts';
import { readGrowth, readRuns, readShapes } from './files.ts';
import { keyFigures } from './key-figures.ts';
import { drawGrowth } from './plot.ts';
import { shapeFigures } from './shape-figures.ts';

const repository = new URL('../../', import.meta.url);

const { servers, pglite } = readRuns();
// The README shows the run on the oldest version, whose sizes are the full ones.
const [main] = servers;
if (main === undefined) throw new Error('results/ has no run on a server');
const growth = readGrowth('patch');
writeFileSync(new URL('docs/growth.svg', repository), drawGrowth(growth));
writeBetweenMarkers(
  'docs/benchmarks.md',
  allFigures([...servers, ...(pglite ? [pglite] : [])], growth, readGrowth('mixture')),
);
writeBetweenMarkers('docs/scaling.md', shapeFigures(readShapes()));
writeBetweenMarkers('README.md', keyFigures(main, growth));

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
