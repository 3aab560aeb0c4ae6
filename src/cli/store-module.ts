import { Option } from 'commander';
import type { DocumentId } from '../document-id.ts';
import { InvalidInputError } from '../errors.ts';
import type { AuditedStore } from '../store/audit.ts';
import type { DeleteVectors } from '../store/delete-call.ts';
import { importModule } from './import-module.ts';

/** What a user's module exports: the functions of their vector store. */
export interface StoreModule extends AuditedStore {
  deleteVectors: DeleteVectors<DocumentId>;
}

/** `--store`, for the commands that call the vector store. */
export function storeOption(exported: string): Option {
  return new Option(
    '--store <module>',
    `path or package name of your module that exports ${exported}`,
  ).makeOptionMandatory();
}

/**
 * Loads the functions of the user's vector store.
 *
 * @param module - As `importModule` takes it.
 * @throws {InvalidInputError} The module is not found, or does not export these functions.
 * @throws The module's own errors, unchanged.
 */
export async function loadStore<Name extends keyof StoreModule>(
  module: string,
  names: readonly Name[],
): Promise<Pick<StoreModule, Name>> {
  const exported = await importModule(module, ['store']);
  for (const name of names) {
    if (typeof exported[name] === 'function') continue;
    throw new InvalidInputError(['store'], `the module must export a function ${name}`);
  }
  return exported as unknown as Pick<StoreModule, Name>;
}
