import { inflateSync } from 'node:zlib';

/** Reads a PNG with 8 bits per channel, not interlaced, and returns the colour of its pixels. */
export function readPng(png: Buffer): (x: number, y: number) => [number, number, number] {
  const parts: Buffer[] = [];
  let [width, channels] = [0, 0];
  for (let at = 8; at < png.length; ) {
    const length = png.readUInt32BE(at);
    const type = png.toString('latin1', at + 4, at + 8);
    const data = png.subarray(at + 8, at + 8 + length);
    if (type === 'IHDR') {
      width = data.readUInt32BE(0);
      channels = data[9] === 6 ? 4 : 3;
    }
    if (type === 'IDAT') parts.push(data);
    at += length + 12;
  }
  const bytes = inflateSync(Buffer.concat(parts));
  const stride = width * channels;
  for (let line = 0; line * (stride + 1) < bytes.length; line += 1) {
    const start = line * (stride + 1);
    for (let at = 0; at < stride; at += 1) {
      const valueAt = (place: number) => (place < 0 ? 0 : (bytes[place] as number));
      const left = at < channels ? 0 : valueAt(start + 1 + at - channels);
      const up = line === 0 ? 0 : valueAt(start + at - stride);
      const upLeft = line === 0 || at < channels ? 0 : valueAt(start + at - stride - channels);
      const place = start + 1 + at;
      bytes[place] = valueAt(place) + prediction(bytes[start] as number, left, up, upLeft);
    }
  }
  return (x, y) => {
    const at = y * (stride + 1) + 1 + x * channels;
    return [bytes[at] as number, bytes[at + 1] as number, bytes[at + 2] as number];
  };
}

/** What a line's filter adds to each byte. */
function prediction(filter: number, left: number, up: number, upLeft: number): number {
  if (filter === 1) return left;
  if (filter === 2) return up;
  if (filter === 3) return Math.floor((left + up) / 2);
  if (filter !== 4) return 0;
  const guess = left + up - upLeft;
  const [a, b, c] = [left, up, upLeft].map((value) => Math.abs(guess - value)) as [
    number,
    number,
    number,
  ];
  if (a <= b && a <= c) return left;
  return b <= c ? up : upLeft;
}
