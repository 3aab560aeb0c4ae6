import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Line, readLines } from '../../src/cli/lines.ts';

async function* chunksOf(bytes: Buffer, ends: number[]): AsyncGenerator<Buffer> {
  let start = 0;
  for (const end of [
    ...ends.map((end) => end % (bytes.length + 1)).sort((a, b) => a - b),
    bytes.length,
  ]) {
    yield bytes.subarray(start, end);
    start = end;
  }
}

test('the lines, their numbers and their ends do not depend on how the bytes are split into chunks', async () => {
  const text = fc.array(fc.constantFrom('a', 'é', '\n', '\r', ' '), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(text, fc.array(fc.nat(), { maxLength: 8 }), async (characters, ends) => {
      const bytes = Buffer.from(characters.join(''));
      const lines: Line[] = [];
      for await (const line of readLines(chunksOf(bytes, ends))) lines.push(line);
      const expected = characters.join('').split('\n');
      if (expected.at(-1) === '') expected.pop();
      expect(lines.map((line) => line.bytes.toString())).toEqual(expected);
      expect(lines.map(({ number }) => number)).toEqual(expected.map((_, index) => index + 1));
      expect(lines.at(-1)?.endOffset ?? 0).toBe(bytes.length);
    }),
  );
});
