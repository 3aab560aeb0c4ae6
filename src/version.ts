/** The version in package.json, which a bundle does not contain. test/unit/package.test.ts compares the two. */
export const version = '0.1.0';
