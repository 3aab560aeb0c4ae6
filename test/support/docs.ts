import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from './drizzle-kit.ts';

/** Every Markdown file for users and contributors, by its path from the project's folder. README.md comes first. */
export const docFiles = [
  'README.md',
  'CONTRIBUTING.md',
  'CHANGELOG.md',
  ...readdirSync(join(projectRoot, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];

export function readDoc(file: string): string {
  return readFileSync(join(projectRoot, file), 'utf8');
}

/** The code blocks of one language in a file, in order. */
export function codeBlocks(file: string, language: string): string[] {
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms');
  return [...readDoc(file).matchAll(fence)].map(([, code = '']) => code);
}

/** The rows of the table whose first heading is `heading`, as cells. */
export function tableRows(file: string, heading: string): string[][] {
  const table = new RegExp(`^\\| ${heading} +\\|.*\n\\|.*\n((?:\\|.*\n)+)`, 'm').exec(
    readDoc(file),
  )?.[1];
  const rows = (table ?? '').trimEnd().split('\n');
  return rows.map((row) =>
    row
      .slice(1, -1)
      .split(' | ')
      .map((cell) => cell.trim()),
  );
}
