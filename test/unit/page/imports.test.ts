import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { projectRoot } from '../../support/drizzle-kit.ts';

test('colpali-vectors/page imports no package and nothing of Node, so it runs in a browser', () => {
  const seen = new Set<string>();
  const imported = [join(projectRoot, 'src/page/index.ts')];
  // The list grows while it is walked.
  for (const file of imported) {
    if (seen.has(file)) continue;
    seen.add(file);
    const code = readFileSync(file, 'utf8');
    for (const [, name = ''] of code.matchAll(/^(?:import|export|\}) .*?from '(.*?)';$/gm)) {
      expect(name, file).toMatch(/^\.\.?\//);
      imported.push(join(dirname(file), name));
    }
  }
  expect(seen.size).toBeGreaterThan(15);
});
