import { expect } from 'vitest';
import { type InputPath, InvalidInputError } from '../../src/errors.ts';

/** Expects that a function rejects the argument at `path`. */
export function expectInvalid(run: () => unknown, path: InputPath): void {
  let thrown: unknown;
  try {
    run();
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(InvalidInputError);
  expect((thrown as InvalidInputError).path).toEqual(path);
}
