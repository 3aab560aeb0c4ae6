import type { Command } from 'commander';
import { type DocumentId, type DocumentKey, requireDocId } from '../document-id.ts';
import { type InputPath, InvalidInputError } from '../errors.ts';
import { findLedgers, ledgerOf } from '../generate/find-ledgers.ts';
import { defaultTables, type VectorTables } from '../tables.ts';
import { importModule } from './import-module.ts';

/**
 * The ledger that `--ledger` names: `schema.ts`, or `schema.ts#ledger` if the module exports several.
 *
 * @returns Without the option, the package's own tables.
 * @throws {InvalidInputError} The module is not found or does not export the ledger.
 * @throws The module's own errors, unchanged.
 */
export async function loadLedger(program: Command): Promise<VectorTables> {
  const { ledger: given } = program.opts<{ ledger?: string }>();
  if (given === undefined) return defaultTables;
  const [module = '', name] = given.split('#');
  const exported = await importModule(module, ['ledger']);
  if (name !== undefined) {
    const ledger = ledgerOf(exported[name]);
    if (ledger !== undefined) return ledger;
    throw new InvalidInputError(['ledger'], 'the module does not export a ledger of this name');
  }
  const [ledger, ...others] = findLedgers([exported]);
  if (ledger !== undefined && others.length === 0) return ledger;
  throw new InvalidInputError(
    ['ledger'],
    ledger === undefined
      ? 'the module must export what defineLedger returned'
      : 'the module exports several ledgers: add # and the name of one, as in schema.ts#ledger',
  );
}

/**
 * Rejects `--ledger` for a command that does not use it.
 *
 * @param instead - The end of the message: what to do instead of giving the option.
 * @throws {InvalidInputError} The option is given.
 */
export function rejectLedger(
  program: Command,
  instead: string,
  reason = "this command is for the package's own ledger only",
): void {
  if (program.opts<{ ledger?: string }>().ledger === undefined) return;
  throw new InvalidInputError(['ledger'], `${reason}; ${instead}`);
}

/**
 * Reads the id of a document from the command line.
 *
 * @throws {InvalidInputError}
 */
export function parseDocId(
  text: string,
  key: DocumentKey,
  path: InputPath = ['docId'],
): DocumentId {
  const docId = docIdOf(text, key);
  requireDocId(docId, path, key);
  return docId;
}

function docIdOf(text: string, { keyType, documentId }: DocumentKey): DocumentId {
  if (keyType === 'uuid' || keyType === 'text') return text;
  if (!/^-?\d+$/.test(text)) return Number.NaN;
  return keyType === 'bigint' && documentId.dataType === 'bigint' ? BigInt(text) : Number(text);
}

/** An id from JSON, which has no bigint: `"9007199254740993"` stands for one. */
export function docIdFromJson(value: unknown, { keyType, documentId }: DocumentKey): unknown {
  if (keyType !== 'bigint' || documentId.dataType !== 'bigint') return value;
  const isNumber =
    Number.isSafeInteger(value) || (typeof value === 'string' && /^-?\d{1,19}$/.test(value));
  return isNumber ? BigInt(value as number | string) : value;
}
