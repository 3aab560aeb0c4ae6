import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Option } from 'commander';
import { InvalidInputError } from '../errors.ts';
import type { AuditedStore } from '../store/audit.ts';
import type { DeleteVectors } from '../store/delete-call.ts';

/** What a user's module exports: the functions of their vector store. */
export interface StoreModule extends AuditedStore {
  deleteVectors: DeleteVectors;
}

/** `--store`, for the commands that call the vector store. */
export function storeOption(exported: string): Option {
  return new Option(
    '--store <module>',
    `path or package name of your module that exports ${exported}`,
  ).makeOptionMandatory();
}

/**
 * Imports the user's module, ESM or CommonJS.
 *
 * @param module - A path relative to the working directory, or the name of a package that is installed there.
 * @throws {InvalidInputError} The module is not found, or does not export these functions.
 * @throws The module's own errors, unchanged.
 */
export async function loadStore<Name extends keyof StoreModule>(
  module: string,
  names: readonly Name[],
): Promise<Pick<StoreModule, Name>> {
  const exported = await import(pathToFileURL(resolveModule(module)).href);
  const store: Record<string, unknown> = {};
  for (const name of names) {
    // Node does not find the names of every CommonJS export; `default` is `module.exports`.
    store[name] = exported[name] ?? exported.default?.[name];
    if (typeof store[name] === 'function') continue;
    throw new InvalidInputError(['store'], `the module must export a function ${name}`);
  }
  return store as unknown as Pick<StoreModule, Name>;
}

function resolveModule(module: string): string {
  const path = resolve(module);
  if (existsSync(path)) return path;
  try {
    return createRequire(resolve('index.js')).resolve(module);
  } catch (cause) {
    throw new InvalidInputError(
      ['store'],
      'must be the path of a module or the name of an installed package; use the path if the package is ESM only',
      { cause },
    );
  }
}
