import type { InputPath } from './errors.ts';
import { requireIterable } from './require.ts';

/**
 * An error that one of the caller's own functions threw.
 *
 * The wrapper carries it past `toLedgerError`: a vector store that refuses a connection fails with the
 * same code as a database that does, and the two must not be confused.
 */
export class CallbackError {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

/** Runs one of the caller's functions. Its errors reach the caller unchanged. */
export async function runCallback<T>(callback: () => T | Promise<T>): Promise<T> {
  try {
    return await callback();
  } catch (error) {
    throw new CallbackError(error);
  }
}

/**
 * Reads an iterable of the caller. Its errors reach the caller unchanged.
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
