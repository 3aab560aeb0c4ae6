import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { isAbsolute, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { loadModule } from '../generate/drizzle-project.ts';

/**
 * Imports the user's module: ESM, CommonJS, or TypeScript if tsx or drizzle-kit is installed.
 *
 * @param module - A path relative to the working directory, or the name of a package that is installed there.
 * @throws {InvalidInputError} The module is not found.
 * @throws The module's own errors.
 */
export async function importModule(
  module: string,
  option: InputPath,
): Promise<Record<string, unknown>> {
  const path = resolveModule(module, option);
  const exported = /\.[cm]?ts$/.test(path)
    ? await loadModule(path)
    : await import(pathToFileURL(path).href);
  // Node does not find the names of every CommonJS export; `default` is `module.exports`.
  return { ...exported.default, ...exported };
}

function resolveModule(module: string, option: InputPath): string {
  const path = resolve(module);
  if (existsSync(path)) return path;
  try {
    return createRequire(resolve('index.js')).resolve(module);
  } catch (cause) {
    const reason = isClearlyPath(module)
      ? `there is no file ${path}`
      : `there is no file ${path} and no installed package of this name; if the package is ESM only, use the path of its module`;
    throw new InvalidInputError(option, reason, { cause });
  }
}

/** Whether the text must be a path, not the name of a package. `chart.js` may be either. */
function isClearlyPath(module: string): boolean {
  return isAbsolute(module) || /^\.|\.(?:[cm]js|[cm]?ts)$/.test(module);
}
