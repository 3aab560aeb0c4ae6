/** Makes text that comes from outside safe to print: a terminal would obey its control characters. */

/** Control characters, and those that reorder text or break lines. */
const unsafe = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
const unsafeExceptNewline = /(?!\n)[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** How much of an id or a name is printed. */
const maxLength = 200;

/** Escapes a value in a line: an id, a name. Long values are shortened. */
export function safeValue(text: string): string {
  const shortened = text.length > maxLength ? `${text.slice(0, maxLength)}…` : text;
  return shortened.replaceAll(unsafe, jsonEscape);
}

/** Escapes text of several lines. */
export function safeLines(text: string): string {
  return text.replaceAll(unsafeExceptNewline, jsonEscape);
}

/** Formats a value as JSON on one line. It parses to the same value, except that a bigint becomes a string. */
export function safeJson(value: unknown): string {
  const text = JSON.stringify(value, (_, part) => (typeof part === 'bigint' ? String(part) : part));
  return text.replaceAll(unsafe, jsonEscape);
}

/** The escape that JSON uses: `\u001b`. */
function jsonEscape(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
