import fc from 'fast-check';
import { expect, test } from 'vitest';
import { InvalidInputError } from '../../src/index.ts';
import { SeenPages } from '../../src/ledger/seen-pages.ts';

test('SeenPages rejects exactly the pages that were added before, in any order', () => {
  const page = fc.record({
    docId: fc.integer({ min: 1, max: 3 }),
    page: fc.integer({ min: 1, max: 12 }),
  });
  fc.assert(
    fc.property(fc.array(page, { maxLength: 60 }), (pages) => {
      const seen = new SeenPages();
      const model = new Set<string>();
      for (const key of pages) {
        const isNew = !model.has(`${key.docId}/${key.page}`);
        model.add(`${key.docId}/${key.page}`);
        if (isNew) seen.add(key, ['page']);
        else expect(() => seen.add(key, ['page'])).toThrow(InvalidInputError);
      }
    }),
  );
});
