import { expect, test } from 'vitest';
import { formatShape } from '../../src/cli/shape.ts';

test('the ranges of texts are printed as they are, and keywords in lower case', () => {
  const partition = (name: string, bounds: string) => ({ name, bounds, from: null, to: null });
  const shape = formatShape({
    kind: 'partitioned',
    by: 'RANGE (doc_id)',
    partitions: [
      partition('vectors_p0', "FOR VALUES FROM (MINVALUE) TO ('It''s M')"),
      partition('"Vectors"', "FOR VALUES FROM ('It''s M') TO (MAXVALUE)"),
    ],
  });
  expect(shape.split(/\n */)).toEqual([
    '2 partitions by range (doc_id)',
    "vectors_p0 for values from (minvalue) to ('It''s M')",
    `"Vectors" for values from ('It''s M') to (maxvalue)`,
  ]);
});
