import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');

/** The README's code blocks of one language, in order. */
export function readmeBlocks(language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms');
  return [...readme.matchAll(fence)].map(([, code = '']) => code);
}

/** The cells of each row of the README's table whose first heading is `heading`. */
export function readmeTable(heading: string): string[][] {
  const table = new RegExp(`^\\| ${heading} \\|.*\n\\|.*\n((?:\\|.*\n)+)`, 'm').exec(readme)?.[1];
  const rows = (table ?? '').trimEnd().split('\n');
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}
