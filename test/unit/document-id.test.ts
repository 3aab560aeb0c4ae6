import { expect, test } from 'vitest';
import { requireDocId } from '../../src/document-id.ts';
import { thrownBy } from '../support/thrown-by.ts';

const uuid = '1b4e28ba-2fa1-4d1e-883f-0016d3cca427';

test.each([
  [uuid.toUpperCase(), 'one with upper-case letters'],
  [uuid.replaceAll('-', ''), 'a string of 32 characters instead of 36'],
  [`{${uuid}}`, 'a string of 38 characters instead of 36'],
  ['x'.repeat(100_000), 'a string of 100000 characters instead of 36'],
  [uuid.replace('1b', 'xy'), 'a string with other characters'],
  ['', 'an empty string'],
  [7, '7'],
  [null, 'null'],
])('the error for a wrong UUID says what is wrong with it', async (docId, what) => {
  const key = { keyType: 'uuid', documentId: { dataType: 'string' } } as const;
  const error = await thrownBy((async () => requireDocId(docId, ['docId'], key))());
  expect(error).toMatchObject({
    message: `docId: must be a UUID in lower case with dashes, got ${what}`,
  });
});
