/**
 * Imports a package that may not be installed. Bundlers do not see its name, so they neither look for it nor
 * include it.
 *
 * @param path - The parts of the module's name: `['drizzle-orm', 'pglite']`.
 */
export function importOptional(path: readonly string[]): Promise<unknown> {
  return import(/* webpackIgnore: true */ /* @vite-ignore */ path.join('/'));
}
