/** The version of this package; test/unit/package.test.ts compares it with package.json, which is not there in a bundle. */
export const version = '0.1.0';
