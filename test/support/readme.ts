import { readFileSync } from 'node:fs';

/** The README's code blocks of one language, in order. */
export function readmeBlocks(language: string): string[] {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  const fence = new RegExp(`^\`\`\`${language}\n(.*?)^\`\`\`$`, 'gms');
  return [...readme.matchAll(fence)].map(([, code = '']) => code);
}
