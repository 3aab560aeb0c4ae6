import fc from 'fast-check';
import type { StoredVectorId } from '../../src/index.ts';

/** `count` ids that start at `first`, with a tail in `radix` padded to `width`. */
function counted(radix: 10 | 16, maxFirst: number, maxWidth: number, prefix: fc.Arbitrary<string>) {
  return fc
    .record({
      prefix,
      first: fc.nat(maxFirst),
      width: fc.integer({ min: 0, max: maxWidth }),
      step: fc.constantFrom(1, 1, 1, 1, 2, 0, -1),
      count: fc.integer({ min: 1, max: 40 }),
      upperCase: fc.constantFrom(false, false, false, true),
    })
    .map(({ prefix, first, width, step, count, upperCase }) =>
      Array.from({ length: count }, (_, index) => {
        const tail = Math.max(0, first + index * step)
          .toString(radix)
          .padStart(width, '0');
        return prefix + (upperCase ? tail.toUpperCase() : tail);
      }),
    );
}

/** Strings of hexadecimal digits; some of them are the start of a UUID. */
function hexPrefix(): fc.Arbitrary<string> {
  const digits = (length: number) =>
    fc.string({
      unit: fc.constantFrom(...'0123456789abcdef'),
      minLength: length,
      maxLength: length,
    });
  return fc.oneof(
    digits(29),
    digits(28),
    fc.uuid().map((uuid) => uuid.slice(0, -3)),
    fc.uuid().map((uuid) => uuid.replaceAll('-', '').slice(0, -3)),
  );
}

/** Text without U+0000, which PostgreSQL cannot store. */
export function storableText(): fc.Arbitrary<string> {
  return fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));
}

/**
 * Lists of ids as stores and people name them: random UUIDs, sequences of every kind, ids that only look
 * like a sequence, any text, and mixtures of these.
 */
export function vectorIdLists({ minLength = 0 } = {}): fc.Arbitrary<string[]> {
  const one = (text: fc.Arbitrary<string>) => fc.array(text, { maxLength: 6 });
  const nastyPrefix = fc.constantFrom(
    '',
    'x',
    'doc#1#',
    '0',
    '9',
    '00',
    "it's ",
    '"',
    '\\',
    '{',
    '٣',
    '１',
    '😀',
    '\n',
    '%_',
    '12345678',
  );
  const piece = fc.oneof(
    one(fc.uuid()),
    one(fc.uuid().map((uuid) => uuid.replaceAll('-', ''))),
    one(storableText()),
    one(
      fc.constantFrom('', '0', '00', '9', '10', '099', '100', '9999', '10000', 'fff', '٣', '１２'),
    ),
    counted(10, 120, 5, nastyPrefix),
    counted(10, 10_050, 6, nastyPrefix),
    counted(10, 10_050, 0, storableText()),
    counted(16, 0x1010, 3, hexPrefix()),
    counted(16, 0x1010, 4, nastyPrefix),
  );
  return fc
    .array(piece, { minLength: minLength, maxLength: 5 })
    .map((pieces) => pieces.flat())
    .filter((ids) => ids.length >= minLength);
}

/** Any list that the column accepts, including those that our encoder would write differently. */
export function storedIdLists(): fc.Arbitrary<StoredVectorId[]> {
  const text = storableText().filter((id) => id.isWellFormed());
  const count = fc.integer({ min: 1, max: 30 });
  return fc.array(
    fc.oneof(
      text,
      fc
        .record(
          {
            prefix: text,
            from: fc.stringMatching(/^[0-9]{1,4}$/),
            count,
            radix: fc.constant<10>(10),
          },
          { requiredKeys: ['prefix', 'from', 'count'] },
        )
        .filter((run) => Number(run.from) + run.count <= 10_000),
      fc
        .record({
          prefix: hexPrefix().filter((prefix) => prefix.length !== 28),
          from: fc.stringMatching(/^[0-9a-f]{3}$/),
          count,
          radix: fc.constant<16>(16),
        })
        .filter((run) => Number.parseInt(run.from, 16) + run.count <= 0x1000),
    ),
    { maxLength: 6 },
  );
}
