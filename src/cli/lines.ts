const newline = 0x0a;

/** A line of a text file. */
export interface Line {
  /** From 1. */
  number: number;
  /** Without its end. */
  bytes: Buffer;
  /** How many bytes of the file have been read, this line's included. */
  endOffset: number;
}

/** The lines of a stream of bytes, one at a time, whatever its chunks; the last need not be ended. */
export async function* readLines(input: AsyncIterable<Buffer>): AsyncGenerator<Line> {
  let number = 0;
  let endOffset = 0;
  let parts: Buffer[] = [];
  for await (const chunk of input) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      parts.push(chunk.subarray(start, end));
      const bytes = Buffer.concat(parts);
      parts = [];
      start = end + 1;
      number += 1;
      endOffset += bytes.length + 1;
      yield { number, bytes, endOffset };
    }
    parts.push(chunk.subarray(start));
  }
  const bytes = Buffer.concat(parts);
  if (bytes.length > 0) yield { number: number + 1, bytes, endOffset: endOffset + bytes.length };
}
