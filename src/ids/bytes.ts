/** Converts bytes to text and back. Node's Buffer, where it exists, is many times as fast as the web's functions. */

const hasBuffer = typeof globalThis.Buffer === 'function';

/** Decodes base64. The result is too short if the text is not valid. */
export function base64ToBytes(text: string): Uint8Array {
  if (hasBuffer) return Buffer.from(text, 'base64');
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return new Uint8Array();
  }
}

/** Encodes bytes as base64 on one line. */
export function bytesToBase64(bytes: Uint8Array): string {
  if (hasBuffer) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
  }
  return btoa(bytesToText(bytes));
}

/** Makes each byte a character: the byte is its code, 0 to 255. */
export function bytesToText(bytes: Uint8Array): string {
  if (hasBuffer) {
    return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  }
  let text = '';
  // In slices, because the number of arguments of a call is limited.
  for (let start = 0; start < bytes.length; start += 4096) {
    text += String.fromCharCode(...bytes.subarray(start, start + 4096));
  }
  return text;
}
