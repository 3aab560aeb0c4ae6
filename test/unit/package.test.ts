import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { version } from '../../src/version.ts';
import { projectRoot } from '../support/drizzle-kit.ts';

test('src/version.ts has the version of package.json', () => {
  const manifest = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  expect(version).toBe(manifest.version);
});

test.each<[string, string[]]>([
  ['page/index', []],
  ['schema', ['drizzle-orm', 'drizzle-orm/pg-core']],
  ['zod', ['drizzle-orm', 'drizzle-orm/pg-core', 'drizzle-zod', 'zod']],
])('the entry %s imports nothing of Node and loads only %j', (entry, packages) => {
  expect(packagesOf(join(projectRoot, `src/${entry}.ts`))).toEqual(packages);
});

test('no source file uses import.meta, which CommonJS does not have', () => {
  const sources = readdirSync(join(projectRoot, 'src'), {
    encoding: 'utf8',
    recursive: true,
  }).filter((name) => name.endsWith('.ts'));
  expect(sources.length).toBeGreaterThan(100);
  const using = sources.filter((file) =>
    readFileSync(join(projectRoot, 'src', file), 'utf8').includes('import.meta'),
  );
  expect(using).toEqual([]);
});

/** The modules from outside that a file imports, directly or through files of ours, without its type imports. */
function packagesOf(entry: string): string[] {
  const files = new Set([entry]);
  const outside = new Set<string>();
  // The set grows while it is walked.
  for (const file of files) {
    const code = readFileSync(file, 'utf8');
    for (const [, name = ''] of code.matchAll(
      /^(?:import(?! type)|export(?! type)|\}) .*?from '(.*?)';$/gm,
    )) {
      if (name.startsWith('.')) files.add(join(dirname(file), name));
      else outside.add(name);
    }
  }
  return [...outside].toSorted();
}
