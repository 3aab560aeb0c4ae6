const newline = 0x0a;

/** A line of a text file. */
export interface Line {
  /** Line number, from 1. */
  number: number;
  /** The line without its newline. */
  bytes: Buffer;
  /** Number of bytes read up to the end of this line, including its newline. */
  endOffset: number;
}

/** Splits a stream of bytes into lines. The last line may end without a newline. */
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
