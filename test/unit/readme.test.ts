import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { readmeTable } from '../support/readme.ts';

// The README's code blocks are compiled and run by `npm run test:package`.
test('the README’s deleteVectors are those that are compiled against the stores', () => {
  const compiled = readFileSync(
    new URL('../../examples/stores/delete-vectors.ts', import.meta.url),
    'utf8',
  );
  const plain = (code: string) => code.replaceAll(/\s+/g, '');
  const rows = readmeTable('store');
  expect(rows).toHaveLength(6);
  for (const [store, cell = ''] of rows) {
    const code = /(`+) ?(.*?) ?\1(?!`)/.exec(cell)?.[2] ?? '';
    expect(code, store).not.toBe('');
    expect(plain(compiled), store).toContain(plain(code));
  }
});
