import type { InputPath } from './errors.ts';
import { requireIterable } from './require.ts';

/**
 * An error that one of the caller's own functions threw.
 *
 * `toLedgerError` returns the wrapped error unchanged. Without the wrapper, a vector store that refuses a connection
 * would look like a database that refuses one, because both errors have the same code.
 */
export class CallbackError {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Runs one of the caller's functions. The caller gets its errors unchanged. */
export async function runCallback<T>(callback: () => T | Promise<T>): Promise<T> {
  try {
    return await callback();
  } catch (error) {
    throw new CallbackError(error);
  }
}

/**
 * Reads an iterable of the caller. The caller gets its errors unchanged.
 *
 * @throws {InvalidInputError} `open` does not return an iterable; `path` names it.
 */
export async function* readCallback<T>(
  open: () => Iterable<T> | AsyncIterable<T>,
  path: InputPath,
): AsyncGenerator<T> {
  try {
    const items = open();
    requireIterable(items, path);
    yield* items;
  } catch (error) {
    throw new CallbackError(error);
  }
}
