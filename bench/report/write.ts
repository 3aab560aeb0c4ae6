/**
 * `npm run bench:readme`: draws results/growth.svg and puts the figures of both results between the
 * README's markers.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { readGrowth, readRun, writeText } from './files.ts';
import { toMarkdown } from './markdown.ts';
import { drawGrowth } from './plot.ts';

const growth = readGrowth();
writeText('growth.svg', drawGrowth(growth));

const readme = new URL('../../README.md', import.meta.url);
const section = /(<!-- bench -->\n).*?(<!-- \/bench -->)/s;
const text = readFileSync(readme, 'utf8');
if (!section.test(text)) {
  throw new Error('README.md has no <!-- bench --> and <!-- /bench --> to write between');
}
const figures = toMarkdown(readRun(), growth);
writeFileSync(
  readme,
  text.replace(section, (_, open, close) => `${open}\n${figures}\n\n${close}`),
);
