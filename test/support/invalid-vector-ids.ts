/** Values that no function accepts as a vector id, each with its description. */
export const invalidVectorIds: [description: string, id: unknown][] = [
  ['an empty string', ''],
  ['a string with U+0000', 'a\0b'],
  ['half of a surrogate pair', 'a\ud800'],
  ['a number above 2^53', Number('449278312341234567')],
  ['a fraction', 1.5],
  ['NaN', Number.NaN],
  ['null', null],
  ['undefined', undefined],
  ['an object', { id: 1 }],
  ['an array', ['a']],
];
