import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';
import { codeBlocks, docFiles, readDoc, tableRows } from '../support/docs.ts';
import { projectRoot } from '../support/drizzle-kit.ts';

// `npm run test:package` compiles and runs the code blocks.

test.each(docFiles)('every link in %s leads to a file that the package contains', (file) => {
  const { files } = JSON.parse(readFileSync(join(projectRoot, 'package.json'), 'utf8'));
  const shipped: string[] = [...files, 'README.md', 'LICENSE'];
  for (const [, link = ''] of readDoc(file).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
    if (/^https?:/.test(link)) continue;
    const target = join(projectRoot, dirname(file), link);
    expect(existsSync(target), link).toBe(true);
    const [top = ''] = relative(projectRoot, target).split('/');
    expect(shipped, link).toContain(top);
  }
});

test.each(docFiles)('every anchor in %s leads to a heading', (file) => {
  for (const [, link = '', anchor] of readDoc(file).matchAll(/\]\(([^)#\s]*)#([^)]+)\)/g)) {
    if (/^https?:/.test(link)) continue;
    const target =
      link === '' ? file : relative(projectRoot, join(projectRoot, dirname(file), link));
    const anchors = [...readDoc(target).matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\w\s-]/g, '')
        .replaceAll(' ', '-'),
    );
    expect(anchors, `${link}#${anchor}`).toContain(anchor);
  }
});

test('the deleteVectors functions in the docs are compiled against the clients of the stores', () => {
  const compiled = readDoc('examples/stores/delete-vectors.ts');
  const withoutSpaces = (code: string) => code.replaceAll(/\s+/g, '');
  const rows = tableRows('docs/vector-store.md', 'store');
  expect(rows).toHaveLength(6);
  for (const [store, cell = ''] of rows) {
    const code = /(`+) ?(.*?) ?\1(?!`)/.exec(cell)?.[2] ?? '';
    expect(code, store).not.toBe('');
    expect(withoutSpaces(compiled), store).toContain(withoutSpaces(code));
  }
});

test('the code of docs/re-embedding.md is that of the example', () => {
  const blocks = codeBlocks('docs/re-embedding.md', 'ts');
  expect(blocks).toHaveLength(5);
  for (const block of blocks) {
    const [, name = '', code] = /^\/\/ (\S+)\n(.*)$/s.exec(block) ?? [];
    const example = readDoc(`examples/re-embed/${name}`)
      .replaceAll(/'\.\.\/\.\.\/src\/(.*?)(\/?index)?\.ts'/g, (_, entry: string) =>
        ["'colpali-vectors", ...(entry ? [entry] : [])].join('/').concat("'"),
      )
      .replaceAll(/'(\.\/[\w-]+)\.ts'/g, "'$1.js'");
    expect(code, name).toBe(example);
  }
});
